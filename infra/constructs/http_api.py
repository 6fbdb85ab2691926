"""The one HTTP API: the storefront, delivery, the back office and the payment callbacks."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.alarms import Alarms
from infra.constructs.function import Function
from infra.constructs.operators import Operators
from infra.stages import CORS_HEADERS, Stage

_PUBLIC = "AwsSolutions-APIG4"
# Neither a query nor a header: both may carry an access token or a signature.
_ACCESS_LOG = {
    "request_id": "$context.requestId",
    "at": "$context.requestTime",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",
    "status": "$context.status",
    "source_ip": "$context.identity.sourceIp",
    "latency_ms": "$context.responseLatency",
    "integration_error": "$context.integrationErrorMessage",
}


class HttpApi(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, key: kms.IKey, alarms: Alarms) -> None:
        super().__init__(scope, construct_id)
        self.api = apigw.HttpApi(
            self,
            "Api",
            api_name=f"keyrail-{stage.name}",
            create_default_stage=False,
            cors_preflight=_cors(stage) if stage.cors_origins else None,
        )
        log_group = logs.LogGroup(
            self,
            "AccessLog",
            encryption_key=key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        # At the lowest level, because the higher one cannot name the fields of the access log.
        apigw.CfnStage(
            self,
            "Stage",
            api_id=self.api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=apigw.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=stage.throttle.requests_per_second,
                throttling_burst_limit=stage.throttle.burst_requests,
                detailed_metrics_enabled=True,
            ),
            access_log_settings=apigw.CfnStage.AccessLogSettingsProperty(
                destination_arn=log_group.log_group_arn, format=json.dumps(_ACCESS_LOG)
            ),
        )
        alarms.add(
            self,
            "ServerErrors",
            self.api.metric_server_error(period=cdk.Duration.minutes(1)),
            meaning="callers get 5xx: a function failed on a request, which its own Errors metric does not count",
        )
        self.public_url = self._public_url(stage)

    def _public_url(self, stage: Stage) -> str:
        """The address that buyers and providers use.

        On this machine nothing resolves an API's host name, so the local cloud serves it under a path; the port
        is known only when it is deployed, hence a parameter.
        """
        if not stage.local:
            return self.api.api_endpoint
        endpoint = cdk.CfnParameter(cdk.Stack.of(self), "LocalEndpoint", default="http://127.0.0.1:4566")
        return f"{endpoint.value_as_string}/_aws/execute-api/{self.api.api_id}"

    def public(self, function: Function, reason: str, *routes: tuple[str, list[apigw.HttpMethod]]) -> None:
        """Routes without an authorizer; the reason says what guards them instead."""
        for path, methods in routes:
            for route in self.api.add_routes(path=path, methods=methods, integration=_integration(function)):
                acknowledge(route, _PUBLIC, reason)

    def operators_only(self, function: Function, operators: Operators, path: str) -> None:
        authorizer = authorizers.HttpUserPoolAuthorizer(
            "Operators", operators.pool, user_pool_clients=[operators.client]
        )
        self.api.add_routes(
            path=path,
            # Not ANY, which would take the preflight (it carries no token) away from the API's own CORS answer.
            methods=[
                apigw.HttpMethod.GET,
                apigw.HttpMethod.POST,
                apigw.HttpMethod.PUT,
                apigw.HttpMethod.PATCH,
                apigw.HttpMethod.DELETE,
            ],
            integration=_integration(function),
            authorizer=authorizer,
        )


def _integration(function: Function) -> integrations.HttpLambdaIntegration:
    return integrations.HttpLambdaIntegration(
        function.name, function.function, payload_format_version=apigw.PayloadFormatVersion.VERSION_2_0
    )


def _cors(stage: Stage) -> apigw.CorsPreflightOptions:
    return apigw.CorsPreflightOptions(
        allow_origins=list(stage.cors_origins),
        allow_methods=[apigw.CorsHttpMethod.ANY],
        allow_headers=list(CORS_HEADERS),
        max_age=cdk.Duration.hours(1),
    )
