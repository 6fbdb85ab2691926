"""The stack: one per stage, the same for AWS and for the local cloud."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import functions
from infra.bundling.bundles import Bundles
from infra.constructs.alarms import Alarms
from infra.constructs.events import Events, consume_queue, relay_streams
from infra.constructs.function import Function, Platform
from infra.constructs.http_api import HttpApi
from infra.constructs.imports import Imports
from infra.constructs.keys import Keys
from infra.constructs.monitoring import add_dashboard
from infra.constructs.operators import Operators
from infra.constructs.queues import DeadLetterQueue, WorkQueue
from infra.constructs.schedules import Schedules
from infra.constructs.secrets import Secrets
from infra.constructs.tables import Tables
from infra.constructs.workflow import Workflow
from infra.stages import Stage

_BETWEEN_BALANCES_MINUTES = 10
_BETWEEN_INQUIRIES_MINUTES = 5
_PRETENDED = (functions.SANDBOX, functions.SUPPLIER_SANDBOX)
_BETWEEN_COUNTS_OF_WORK_MINUTES = 5
_BETWEEN_SUPPLY_ROUNDS_MINUTES = 10


class KeyrailStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        bundles: Bundles,
        synthesizer: cdk.IStackSynthesizer | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=synthesizer,
            description=f"keyrail {stage.name}: sells and delivers card keys",
            termination_protection=stage.retain_data,
        )
        cdk.Tags.of(self).add("app", "keyrail")
        cdk.Tags.of(self).add("stage", stage.name)

        keys = Keys(self, "Keys", stage=stage)
        alarms = Alarms(self, "Alarms", key=keys.data, tls=not stage.local)
        tables = Tables(self, "Tables", stage=stage, key=keys.data)
        self.api = HttpApi(self, "HttpApi", stage=stage, key=keys.data, alarms=alarms)
        self.operators = Operators(self, "Operators", stage=stage)
        self.parts = functions.Parts(
            platform=Platform(
                stage=stage, bundles=bundles, layers=self._layers(stage, bundles), key=keys.data, alarms=alarms
            ),
            tables=tables,
            keys=keys,
            secrets=Secrets(self, "Secrets", stage=stage, key=keys.data),
            imports=Imports(self, "Imports", stage=stage, key=keys.data),
            events=Events(self, "Events", stage=stage),
            queues={
                work: WorkQueue(self, work, stage=stage, key=keys.data, alarms=alarms)
                for work in (*functions.CONSUMERS, *(_PRETENDED if stage.sandbox else ()))
            },
            relay_dead_letters=DeadLetterQueue(self, "RelayDeadLetters", stage=stage, key=keys.data, alarms=alarms),
            public_url=self.api.public_url,
        )
        self._connect()
        self._connect_sandboxes()
        self._watch()
        self._outputs()

    def _layers(self, stage: Stage, bundles: Bundles) -> list[lambda_.ILayerVersion]:
        architecture = (
            lambda_.Architecture.ARM_64 if stage.target.architecture == "arm64" else lambda_.Architecture.X86_64
        )
        runtime = lambda_.Runtime(stage.target.runtime, lambda_.RuntimeFamily.PYTHON)
        return [
            lambda_.LayerVersion(
                self,
                name,
                description=description,
                code=lambda_.Code.from_asset(str(path)),
                compatible_runtimes=[runtime],
                compatible_architectures=[architecture],
            )
            for name, description, path in (
                ("Domain", "keyrail's domain library", bundles.domain),
                ("Dependencies", "third-party packages of the functions", bundles.dependencies),
            )
        ]

    def _connect(self) -> None:
        """Triggers: which route, queue or stream calls which function."""
        parts, get, post = self.parts, apigw.HttpMethod.GET, apigw.HttpMethod.POST
        storefront = functions.storefront_api(self, parts)
        delivery = functions.delivery_api(self, parts)
        operator = functions.operator_api(self, parts)
        webhook = functions.payment_webhook(self, parts)
        redemption = functions.redemption_api(self, parts)
        supplier_news = functions.supplier_webhook(self, parts)
        relay = functions.event_relay(self, parts)
        recharge = functions.direct_recharge(self, parts)
        self.workflow = Workflow(self, "Recharges", platform=parts.platform, steps=recharge)
        consumers = {work: function(self, parts) for work, function in functions.CONSUMERS.items()}
        self.functions: list[Function] = [storefront, delivery, operator, webhook, redemption, relay, recharge]
        self.functions += [supplier_news, *consumers.values()]

        self.api.public(
            storefront,
            "A shop front is public; an order opens to the bearer of its access token, checked by the function.",
            ("/v1/{proxy+}", [get, post]),
        )
        self.api.public(
            delivery,
            "The buyer has no account: the order's access token is checked by the function.",
            ("/v1/orders/{order_id}/reveal", [post]),
        )
        self.api.public(
            webhook,
            "A payment provider signs the raw body, which an authorizer never sees; the function verifies it.",
            ("/webhooks/payments/{provider}/{account}", [get, post]),
        )
        self.api.public(
            supplier_news,
            "A supplier signs in its own way, which an authorizer never sees; the function verifies it.",
            ("/webhooks/suppliers/{supplier}", [get, post]),
        )
        self.api.public(
            redemption,
            "Whoever holds a code may redeem it; a till signs the raw body, which the function verifies. Guessing is "
            "slowed by the function.",
            ("/v1/redemptions", [post]),
            ("/v1/redemptions/{proxy+}", [post]),
            ("/partner/v1/redemptions", [post]),
            ("/partner/v1/redemptions/{proxy+}", [post]),
        )
        self.api.operators_only(operator, self.operators, "/ops/v1/{proxy+}")
        parts.imports.announce_to(parts.queues[functions.UPLOADS].queue)
        for work, consumer in consumers.items():
            consume_queue(consumer, parts.queues[work])
        self._set_clocks()
        relay_streams(relay, parts.tables.with_stream, parts.relay_dead_letters)

    def _set_clocks(self) -> None:
        queues, alarms = self.parts.queues, self.parts.alarms
        # Last days end at midnight UTC; the clocks of those who count may be a little behind.
        hourly = Schedules(self, "Schedules", queue=queues[functions.JOBS], alarms=alarms)
        hourly.every_hour("watch_shelves", minute=2)
        hourly.every_hour("sweep_units", minute=32)
        # Each has a group of its own, so that its silence is heard.
        for name, work, job, minutes in (
            ("BalanceSchedules", functions.JOBS, "look_at_balances", _BETWEEN_BALANCES_MINUTES),
            ("WorkSchedules", functions.JOBS, "watch_work", _BETWEEN_COUNTS_OF_WORK_MINUTES),
            ("InquirySchedules", functions.INQUIRIES, "ask_about_unpaid", _BETWEEN_INQUIRIES_MINUTES),
            ("SupplySchedules", functions.SUPPLY, "go_round", _BETWEEN_SUPPLY_ROUNDS_MINUTES),
        ):
            often = Schedules(self, name, queue=queues[work], alarms=alarms, silent_for_minutes=3 * minutes)
            often.every_minutes(job, minutes)
        daily = Schedules(
            self,
            "Mornings",
            queue=queues[functions.RECONCILIATIONS],
            alarms=alarms,
            silent_for_minutes=26 * 60,
        )
        # When the last of the providers has made its statement of the day before: WeChat Pay, at ten in Beijing.
        daily.every_day("reconcile", hour=2, minute=30)

    def _connect_sandboxes(self) -> None:
        """The payment provider without money and the supplier without goods: neither function nor route nor table where
        the stage has none.
        """
        parts, post = self.parts, apigw.HttpMethod.POST
        books, house = parts.tables.sandbox, parts.tables.house
        if books is None or house is None:
            return
        payments = functions.payment_sandbox(self, parts, books)
        supplier = functions.supplier_sandbox(self, parts, house)
        self.functions += [payments, supplier]
        self.api.public(
            payments,
            "A provider of its own, whose buyers have no account with us; the function verifies who signed the link.",
            ("/sandbox/pay", [apigw.HttpMethod.GET, post]),
            ("/sandbox/books/{what}", [post]),
        )
        self.api.public(
            supplier,
            "A supplier of its own; the function verifies the merchant's signature of the raw body.",
            ("/sandbox/supplier/{what}", [post]),
        )
        consume_queue(payments, parts.queues[functions.SANDBOX])
        consume_queue(supplier, parts.queues[functions.SUPPLIER_SANDBOX])

    def _watch(self) -> None:
        parts = self.parts
        parts.alarms.add_business_alarms()
        add_dashboard(
            self,
            functions=self.functions,
            queues=[
                *(queue for each in parts.queues.values() for queue in (each.queue, each.dead_letters)),
                parts.relay_dead_letters,
            ],
            alarms=parts.alarms,
        )

    def _outputs(self) -> None:
        """What a person or a client needs to find its way in; names only, no secrets."""
        parts = self.parts
        values = {
            "ApiUrl": parts.public_url,
            "ApiId": self.api.api.api_id,
            "UserPoolId": self.operators.pool.user_pool_id,
            "UserPoolClientId": self.operators.client.user_pool_client_id,
            "ImportBucket": parts.imports.bucket.bucket_name,
            "EventBusName": parts.events.bus.event_bus_name,
            "RelayDeadLetterQueueUrl": parts.relay_dead_letters.queue_url,
            "DirectRechargeArn": self.workflow.machine.attr_arn,
            "AccessTokenSecretArn": parts.secrets.access_token_arn,
            "PaymentAccountsSecretArn": parts.secrets.payment_accounts_arn,
            "SupplierAccountsSecretArn": parts.secrets.supplier_accounts_arn,
            "PartnerCredentialsSecretArn": parts.secrets.partner_credentials_arn,
            "AlarmTopicArn": parts.alarms.topic.topic_arn,
            "VaultKeyArn": parts.keys.vault.key_arn,
            "FingerprintKeyArn": parts.keys.fingerprint.key_arn,
        }
        for work, queue in parts.queues.items():
            values[f"{work.name}QueueUrl"] = queue.queue.queue_url
            values[f"{work.name}DeadLetterQueueUrl"] = queue.dead_letters.queue_url
        values |= {f"Table{name.title()}": table.table_name for name, table in parts.tables.all.items()}
        for function in self.functions:
            values[f"Function{function.node.id}"] = function.function.function_name
            values[f"Log{function.node.id}"] = function.log_group.log_group_name
        for name, value in values.items():
            cdk.CfnOutput(self, name, value=value)
