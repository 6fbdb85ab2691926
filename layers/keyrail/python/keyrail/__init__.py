"""keyrail: sells keys, coupon codes and recharges, and delivers them the moment they are paid for."""
