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
from infra.stages import Stage

_AFTER_THE_CALLBACK_S = 5
_AFTER_A_KILL_S = 5
_BETWEEN_INQUIRIES_MINUTES = 5


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
            issuance=WorkQueue(
                self,
                "Issuance",
                stage=stage,
                key=keys.data,
                alarms=alarms,
                consumer_timeout_s=functions.ISSUANCE_TIMEOUT_S,
                meaning="paid orders wait longer than five minutes for their keys",
                # The callback itself issues at once; the queue comes after it, not beside it.
                delay_s=_AFTER_THE_CALLBACK_S,
            ),
            uploads=WorkQueue(
                self,
                "Uploads",
                stage=stage,
                key=keys.data,
                alarms=alarms,
                consumer_timeout_s=functions.IMPORT_TIMEOUT_S,
                visibility_s=functions.IMPORT_TIMEOUT_S + _AFTER_A_KILL_S,
                patience_s=900,
                meaning="a key file waits longer than a quarter of an hour to be imported",
            ),
            codes=WorkQueue(
                self,
                "Codes",
                stage=stage,
                key=keys.data,
                alarms=alarms,
                consumer_timeout_s=functions.CODES_TIMEOUT_S,
                visibility_s=functions.CODES_TIMEOUT_S + _AFTER_A_KILL_S,
                patience_s=3600,
                meaning="codes of our own wait longer than an hour to be made",
            ),
            exports=WorkQueue(
                self,
                "Exports",
                stage=stage,
                key=keys.data,
                alarms=alarms,
                consumer_timeout_s=functions.EXPORT_TIMEOUT_S,
                visibility_s=functions.EXPORT_TIMEOUT_S + _AFTER_A_KILL_S,
                patience_s=3600,
                meaning="an approved export waits longer than an hour for its file",
            ),
            refunds=WorkQueue(
                self,
                "RefundQueue",
                stage=stage,
                key=keys.data,
                alarms=alarms,
                consumer_timeout_s=functions.REFUNDS_TIMEOUT_S,
                patience_s=1800,
                meaning="money that is owed back waits longer than half an hour to be asked for",
            ),
            inquiries=WorkQueue(
                self,
                "Inquiries",
                stage=stage,
                key=keys.data,
                alarms=alarms,
                consumer_timeout_s=functions.INQUIRIES_TIMEOUT_S,
                visibility_s=functions.INQUIRIES_TIMEOUT_S + _AFTER_A_KILL_S,
                patience_s=1800,
                meaning="providers are asked about unpaid orders more than half an hour late",
            ),
            reconciliations=WorkQueue(
                self,
                "Reconciliations",
                stage=stage,
                key=keys.data,
                alarms=alarms,
                consumer_timeout_s=functions.RECONCILIATION_TIMEOUT_S,
                visibility_s=functions.RECONCILIATION_TIMEOUT_S + _AFTER_A_KILL_S,
                patience_s=7200,
                meaning="a day waits longer than two hours to be compared with the provider's statement",
            ),
            batches=WorkQueue(
                self,
                "Batches",
                stage=stage,
                key=keys.data,
                alarms=alarms,
                consumer_timeout_s=functions.FOLLOW_TIMEOUT_S,
                visibility_s=functions.FOLLOW_TIMEOUT_S + _AFTER_A_KILL_S,
                patience_s=3600,
                meaning="keys wait longer than an hour to follow a command on their batch",
            ),
            jobs=WorkQueue(
                self,
                "Jobs",
                stage=stage,
                key=keys.data,
                alarms=alarms,
                consumer_timeout_s=functions.JOBS_TIMEOUT_S,
                patience_s=3600,
                meaning="what is due by time alone waits longer than an hour to be done",
            ),
            relay_dead_letters=DeadLetterQueue(self, "RelayDeadLetters", stage=stage, key=keys.data, alarms=alarms),
            sandbox=self._sandbox_queue(stage, keys, alarms) if stage.sandbox else None,
            public_url=self.api.public_url,
        )
        self._connect()
        self._connect_sandbox()
        self._watch()
        self._outputs()

    def _sandbox_queue(self, stage: Stage, keys: Keys, alarms: Alarms) -> WorkQueue:
        return WorkQueue(
            self,
            "SandboxQueue",
            stage=stage,
            key=keys.data,
            alarms=alarms,
            consumer_timeout_s=functions.SANDBOX_TIMEOUT_S,
            patience_s=1800,
            meaning="callbacks of the payment sandbox wait longer than half an hour to be sent",
        )

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
        importer = functions.key_import(self, parts)
        issuance = functions.key_issuance(self, parts)
        codes = functions.code_generation(self, parts)
        export = functions.key_export(self, parts)
        follow = functions.batch_follow(self, parts)
        jobs = functions.scheduled_jobs(self, parts)
        refunds = functions.refunds(self, parts)
        inquiries = functions.payment_inquiries(self, parts)
        reconciliation = functions.reconciliation(self, parts)
        relay = functions.event_relay(self, parts)
        self.functions: list[Function] = [storefront, delivery, operator, webhook, importer, issuance, relay]
        self.functions += [codes, follow, export, redemption, jobs, refunds, inquiries, reconciliation]

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
            redemption,
            "Whoever holds a code may redeem it; a till signs the raw body, which the function verifies. Guessing is "
            "slowed by the function.",
            ("/v1/redemptions", [post]),
            ("/v1/redemptions/{proxy+}", [post]),
            ("/partner/v1/redemptions", [post]),
            ("/partner/v1/redemptions/{proxy+}", [post]),
        )
        self.api.operators_only(operator, self.operators, "/ops/v1/{proxy+}")
        consume_queue(issuance, parts.issuance.queue)
        parts.imports.announce_to(parts.uploads.queue)
        consume_queue(importer, parts.uploads.queue, batch_size=1)
        consume_queue(codes, parts.codes.queue, batch_size=1)
        consume_queue(export, parts.exports.queue, batch_size=1)
        consume_queue(follow, parts.batches.queue, batch_size=1)
        consume_queue(jobs, parts.jobs.queue, batch_size=1)
        consume_queue(refunds, parts.refunds.queue, batch_size=1)
        consume_queue(inquiries, parts.inquiries.queue, batch_size=1)
        consume_queue(reconciliation, parts.reconciliations.queue, batch_size=1)
        # Last days end at midnight UTC; the clocks of those who count may be a little behind.
        Schedules(self, "Schedules", queue=parts.jobs, alarms=parts.alarms).every_hour("watch_shelves", minute=2)
        Schedules(
            self,
            "InquirySchedules",
            queue=parts.inquiries,
            alarms=parts.alarms,
            silent_for_minutes=3 * _BETWEEN_INQUIRIES_MINUTES,
        ).every_minutes("ask_about_unpaid", _BETWEEN_INQUIRIES_MINUTES)
        # When the last of the providers has made its statement of the day before: WeChat Pay, at ten in Beijing.
        Schedules(
            self, "Mornings", queue=parts.reconciliations, alarms=parts.alarms, silent_for_minutes=26 * 60
        ).every_day("reconcile", hour=2, minute=30)
        relay_streams(relay, parts.tables.with_stream, parts.relay_dead_letters)

    def _connect_sandbox(self) -> None:
        """The payment provider without money: neither function nor route nor table where the stage has none."""
        parts, books, queue = self.parts, self.parts.tables.sandbox, self.parts.sandbox
        if books is None or queue is None:
            return
        sandbox = functions.payment_sandbox(self, parts, books, queue)
        self.functions.append(sandbox)
        self.api.public(
            sandbox,
            "A provider of its own, whose buyers have no account with us; the function verifies who signed the link.",
            ("/sandbox/pay", [apigw.HttpMethod.GET, apigw.HttpMethod.POST]),
            ("/sandbox/books/{what}", [apigw.HttpMethod.POST]),
        )
        consume_queue(sandbox, queue.queue, batch_size=1)

    def _watch(self) -> None:
        parts = self.parts
        sandbox = [parts.sandbox.queue, parts.sandbox.dead_letters] if parts.sandbox else []
        parts.alarms.add_business_alarms()
        add_dashboard(
            self,
            functions=self.functions,
            queues=[
                parts.issuance.queue,
                parts.issuance.dead_letters,
                parts.uploads.queue,
                parts.uploads.dead_letters,
                parts.codes.queue,
                parts.codes.dead_letters,
                parts.exports.queue,
                parts.exports.dead_letters,
                parts.batches.queue,
                parts.batches.dead_letters,
                parts.jobs.queue,
                parts.jobs.dead_letters,
                parts.refunds.queue,
                parts.refunds.dead_letters,
                parts.inquiries.queue,
                parts.inquiries.dead_letters,
                parts.reconciliations.queue,
                parts.reconciliations.dead_letters,
                parts.relay_dead_letters,
                *sandbox,
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
            "IssuanceQueueUrl": parts.issuance.queue.queue_url,
            "IssuanceDeadLetterQueueUrl": parts.issuance.dead_letters.queue_url,
            "ImportQueueUrl": parts.uploads.queue.queue_url,
            "ImportDeadLetterQueueUrl": parts.uploads.dead_letters.queue_url,
            "CodeQueueUrl": parts.codes.queue.queue_url,
            "CodeDeadLetterQueueUrl": parts.codes.dead_letters.queue_url,
            "ExportQueueUrl": parts.exports.queue.queue_url,
            "ExportDeadLetterQueueUrl": parts.exports.dead_letters.queue_url,
            "BatchQueueUrl": parts.batches.queue.queue_url,
            "BatchDeadLetterQueueUrl": parts.batches.dead_letters.queue_url,
            "JobQueueUrl": parts.jobs.queue.queue_url,
            "JobDeadLetterQueueUrl": parts.jobs.dead_letters.queue_url,
            "RefundQueueUrl": parts.refunds.queue.queue_url,
            "RefundDeadLetterQueueUrl": parts.refunds.dead_letters.queue_url,
            "InquiryQueueUrl": parts.inquiries.queue.queue_url,
            "InquiryDeadLetterQueueUrl": parts.inquiries.dead_letters.queue_url,
            "ReconciliationQueueUrl": parts.reconciliations.queue.queue_url,
            "ReconciliationDeadLetterQueueUrl": parts.reconciliations.dead_letters.queue_url,
            "RelayDeadLetterQueueUrl": parts.relay_dead_letters.queue_url,
            "AccessTokenSecretArn": parts.secrets.access_token_arn,
            "PaymentAccountsSecretArn": parts.secrets.payment_accounts_arn,
            "PartnerCredentialsSecretArn": parts.secrets.partner_credentials_arn,
            "AlarmTopicArn": parts.alarms.topic.topic_arn,
            "VaultKeyArn": parts.keys.vault.key_arn,
            "FingerprintKeyArn": parts.keys.fingerprint.key_arn,
        }
        if parts.sandbox is not None:
            values["SandboxDeadLetterQueueUrl"] = parts.sandbox.dead_letters.queue_url
        values |= {f"Table{name.title()}": table.table_name for name, table in parts.tables.all.items()}
        for function in self.functions:
            values[f"Function{function.node.id}"] = function.function.function_name
            values[f"Log{function.node.id}"] = function.log_group.log_group_name
        for name, value in values.items():
            cdk.CfnOutput(self, name, value=value)
