"""Who may enter the back office: a Cognito pool with one group per role."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.stages import Stage

GROUPS = ("operator", "finance", "support", "auditor", "admin")


class Operators(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(username=True),
            sign_in_case_sensitive=False,
            password_policy=cognito.PasswordPolicy(
                min_length=14,
                require_digits=True,
                require_lowercase=True,
                require_uppercase=True,
                require_symbols=True,
                temp_password_validity=cdk.Duration.days(3),
            ),
            mfa=cognito.Mfa.OPTIONAL if stage.password_sign_in else cognito.Mfa.REQUIRED,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            account_recovery=cognito.AccountRecovery.NONE,
            deletion_protection=stage.retain_data,
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.retain_data else cdk.RemovalPolicy.DESTROY,
        )
        for group in GROUPS:
            cognito.CfnUserPoolGroup(self, f"Group-{group}", user_pool_id=self.pool.user_pool_id, group_name=group)
        self.client = self.pool.add_client(
            "Console",
            auth_flows=cognito.AuthFlow(user_srp=True, user_password=stage.password_sign_in),
            generate_secret=False,
            prevent_user_existence_errors=True,
            access_token_validity=cdk.Duration.hours(1),
            id_token_validity=cdk.Duration.hours(1),
            refresh_token_validity=cdk.Duration.hours(12),
            disable_o_auth=True,
        )
        acknowledge(
            self.pool,
            "AwsSolutions-COG3",
            "Threat protection needs Cognito's Plus plan; a handful of named operators with a second factor do not.",
        )
        acknowledge(
            self.pool,
            "AwsSolutions-COG8",
            "The Plus plan is priced per user for consumer sign-up; nobody signs up here.",
        )
        if stage.password_sign_in:
            acknowledge(self.pool, "AwsSolutions-COG2", "The second factor is optional outside production.")
