"""What is shipped to the functions: their code and the two layers."""
