"""What every stage must have: data that is encrypted and comes back, failures that are kept and heard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from typing import Any

import pytest

from functions.payment_inquiries import handler as payment_inquiries
from functions.reconciliation.handler import CLOCK
from functions.scheduled_jobs import handler as scheduled_jobs
from functions.supply import handler as supply
from infra.stages import STAGES
from keyrail.payments.providers.sandbox import STAGES as SANDBOX_STAGES
from keyrail.suppliers.providers.sandbox import STAGES as SUPPLIER_SANDBOX_STAGES
from tests.infra.template import Resource, Template, target_of
from tests.tables import PRETENDED, TABLES

_RESERVED_NAMES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SecretsManager::Secret": "Name",
}
_JOBS = {
    "Jobs": set(scheduled_jobs.JOBS),
    "Inquiries": set(payment_inquiries.JOBS),
    "Reconciliations": {CLOCK},
    "SupplyWork": set(supply.JOBS),
}
"""What each queue's consumer does when the clock asks for it."""
_SILENT_FOR_S = {
    "Schedules": 2 * 60 * 60,
    "BalanceSchedules": 30 * 60,
    "WorkSchedules": 15 * 60,
    "InquirySchedules": 15 * 60,
    "SupplySchedules": 30 * 60,
    "Mornings": 26 * 60 * 60,
}
"""After how long somebody hears that nothing was sent, for each construct of schedules."""


@pytest.mark.parametrize("stage", ["local", "prod"])
def test_cdk_nag_finds_nothing_unexplained(synthesise: Callable[..., Template], stage: str) -> None:
    assert synthesise(stage, checked=True).functions()


def test_no_resource_waits_for_itself(prod: Template) -> None:
    """CloudFormation says so only when it is deployed. Raises CycleError, which names the resources."""
    resources = prod.document["Resources"]
    graph = {name: {other for other in _named_in(raw) if other in resources} for name, raw in resources.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(resources)


def _named_in(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _named_in(each)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name in {"Ref", "DependsOn"}:
                yield from [value] if isinstance(value, str) else value
            elif name == "Fn::GetAtt":
                yield value[0] if isinstance(value, list) else value.partition(".")[0]
            elif name == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)", value if isinstance(value, str) else value[0])
            yield from _named_in(value)


def test_every_table_is_encrypted_with_our_key_and_can_be_restored(prod: Template) -> None:
    for table in prod.all("AWS::DynamoDB::Table"):
        assert table.properties["BillingMode"] == "PAY_PER_REQUEST"
        assert table.properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table.properties["SSESpecification"]["SSEType"] == "KMS"
        assert target_of(table.properties["SSESpecification"]["KMSMasterKeyId"]) == prod.key("Data").name


def test_production_data_outlives_the_stack_and_the_local_stack_goes_whole(prod: Template, local: Template) -> None:
    for kind in ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::Cognito::UserPool"):
        assert {resource.raw["DeletionPolicy"] for resource in prod.all(kind)} == {"Retain"}
        assert {resource.raw["DeletionPolicy"] for resource in local.all(kind)} == {"Delete"}
    assert {table.properties["DeletionProtectionEnabled"] for table in prod.all("AWS::DynamoDB::Table")} == {True}
    assert not any(table.properties.get("DeletionProtectionEnabled") for table in local.all("AWS::DynamoDB::Table"))


@pytest.mark.parametrize("stage", ["prod", "local"])
def test_the_tables_of_the_tests_are_those_of_the_stack(request: pytest.FixtureRequest, stage: str) -> None:
    template: Template = request.getfixturevalue(stage)
    expected_tables = TABLES if stage == "prod" else TABLES | PRETENDED

    def keys(schema: list[dict[str, str]]) -> tuple[str | None, ...]:
        named = {key["KeyType"]: key["AttributeName"] for key in schema}
        return named["HASH"], named.get("RANGE")

    def projection(said: dict[str, Any]) -> str:
        return " ".join([said["ProjectionType"], *said.get("NonKeyAttributes", [])])

    deployed = {}
    for table in template.all("AWS::DynamoDB::Table"):
        indexes = {
            index["IndexName"]: (*keys(index["KeySchema"]), projection(index["Projection"]))
            for index in table.properties.get("GlobalSecondaryIndexes", [])
        }
        deployed[table.name] = (*keys(table.properties["KeySchema"]), indexes)
    for kind, expected in expected_tables.items():
        (found,) = [shape for name, shape in deployed.items() if name.startswith(f"Tables{kind.title()}")]
        assert found == expected
    assert len(deployed) == len(expected_tables)


def test_production_has_no_place_where_paying_or_supplying_is_pretended(prod: Template, local: Template) -> None:
    """No function, route, table, queue, alarm, output or setting; and the stages that have them are the adapter's."""
    assert "sandbox" not in json.dumps(prod.document).lower()
    assert "sandbox" in json.dumps(local.document).lower()
    assert {name for name, stage in STAGES.items() if stage.sandbox} == SANDBOX_STAGES == SUPPLIER_SANDBOX_STAGES
    assert all(
        function.properties["Environment"]["Variables"]["KEYRAIL_STAGE"] not in SANDBOX_STAGES
        for function in prod.functions().values()
    )


def test_every_table_streams_both_images_but_the_audit_trail_the_books_and_what_ends_by_itself(prod: Template) -> None:
    for table in prod.all("AWS::DynamoDB::Table"):
        view = table.properties.get("StreamSpecification", {}).get("StreamViewType")
        silent = table.name.startswith(("TablesAudit", "TablesAccounts", "TablesGuards"))
        assert view == (None if silent else "NEW_AND_OLD_IMAGES")


def test_guards_counts_of_a_day_and_what_suppliers_were_asked_end_by_themselves(
    prod: Template,
) -> None:
    for table in prod.all("AWS::DynamoDB::Table"):
        ends = table.properties.get("TimeToLiveSpecification")
        counts = table.name.startswith(("TablesGuards", "TablesSuppliers", "TablesReconciliation"))
        assert ends == ({"AttributeName": "expires_at", "Enabled": True} if counts else None)


def test_keys_rotate(prod: Template) -> None:
    assert all(key.properties["EnableKeyRotation"] for key in prod.all("AWS::KMS::Key"))


def test_imports_are_private_encrypted_and_gone_after_a_day(prod: Template) -> None:
    (bucket,) = prod.all("AWS::S3::Bucket")
    assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert "VersioningConfiguration" not in bucket.properties
    assert [rule["ExpirationInDays"] for rule in bucket.properties["LifecycleConfiguration"]["Rules"]] == [1]
    (policy,) = prod.all("AWS::S3::BucketPolicy")
    assert policy.properties["PolicyDocument"]["Statement"][0]["Condition"] == {
        "Bool": {"aws:SecureTransport": "false"}
    }


def test_every_function_keeps_its_log_encrypted_and_for_a_limited_time(prod: Template) -> None:
    groups = {group.name: group for group in prod.all("AWS::Logs::LogGroup")}
    for function in prod.functions().values():
        group = groups[function.properties["LoggingConfig"]["LogGroup"]["Ref"]]
        assert group.properties["RetentionInDays"] == STAGES["prod"].log_retention_days
        assert target_of(group.properties["KmsKeyId"]) == prod.key("Data").name
    assert all("RetentionInDays" in group.properties and "KmsKeyId" in group.properties for group in groups.values())


def test_every_function_runs_traced_on_arm_with_both_layers(prod: Template) -> None:
    for function in prod.functions().values():
        assert function.properties["TracingConfig"] == {"Mode": "Active"}
        assert function.properties["Architectures"] == ["arm64"]
        assert function.properties["Runtime"] == "python3.13"
        assert len(function.properties["Layers"]) == len(prod.all("AWS::Lambda::LayerVersion"))


def test_errors_and_throttles_of_every_function_ring(prod: Template) -> None:
    watched = {
        (alarm.properties["MetricName"], dimension["Value"]["Ref"])
        for alarm in prod.all("AWS::CloudWatch::Alarm")
        for dimension in alarm.properties.get("Dimensions", [])
        if dimension["Name"] == "FunctionName"
    }
    names = {function.name for function in prod.functions().values()}
    assert watched == {(metric, name) for metric in ("Errors", "Throttles") for name in names}


def test_answers_of_5xx_ring(prod: Template) -> None:
    metrics = {alarm.properties["MetricName"] for alarm in prod.all("AWS::CloudWatch::Alarm")}
    assert "5xx" in metrics


def test_every_alarm_has_a_listener(prod: Template) -> None:
    (topic,) = prod.all("AWS::SNS::Topic")
    for alarm in prod.all("AWS::CloudWatch::Alarm"):
        assert alarm.properties["AlarmActions"] == [{"Ref": topic.name}]


def test_money_that_waits_rings(prod: Template) -> None:
    watched = {
        (alarm.properties["MetricName"], alarm.properties["Dimensions"][0]["Value"])
        for alarm in prod.all("AWS::CloudWatch::Alarm")
        if alarm.properties.get("Namespace") == "keyrail"
    }
    assert watched == {
        ("UnmatchedPayment", "event_relay"),
        ("RefundFailed", "event_relay"),
        ("ReconciliationDifference", "event_relay"),
        ("ReconciliationGivenUp", "event_relay"),
        ("LowStock", "event_relay"),
        ("WorkOverdue", "scheduled_jobs"),
        ("OrderUnreadable", "scheduled_jobs"),
        ("SupplyOverpaid", "event_relay"),
        ("WorkContradicted", "event_relay"),
        ("SupplierSilent", "event_relay"),
        ("SupplierUnreached", "supply"),
        ("SupplierDoesPoorly", "supply"),
        ("BalanceLow", "event_relay"),
        ("PurchaseHeldBack", "supply"),
        ("PurchaseFailed", "event_relay"),
        ("PurchaseWaits", "event_relay"),
        ("CallbackRefused", "payment_webhook"),
        ("CallbackRefused", "supplier_webhook"),
        ("SupplierNewsUnmatched", "supplier_webhook"),
        ("GuessingSuspected", "redemption_api"),
        ("ProviderSilent", "payment_inquiries"),
    }


def test_every_dead_letter_queue_rings_at_its_first_message(prod: Template) -> None:
    dead_letters = {queue.name for queue in prod.all("AWS::SQS::Queue") if "DeadLetters" in queue.name}
    watched = {
        alarm.properties["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in prod.all("AWS::CloudWatch::Alarm")
        if alarm.properties.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        and alarm.properties["Threshold"] == 1
    }
    assert watched == dead_letters


def test_failed_work_is_kept_wherever_nobody_waits_for_an_answer(prod: Template) -> None:
    # Nobody is called asynchronously: files, like all other work, come by a queue with dead letters of its own.
    for queue in prod.all("AWS::SQS::Queue"):
        assert ("RedrivePolicy" in queue.properties) is ("DeadLetters" not in queue.name)
    (bucket,) = prod.all("AWS::S3::Bucket")
    assert set(bucket.properties["NotificationConfiguration"]) == {"QueueConfigurations"}
    streams = [m for m in prod.all("AWS::Lambda::EventSourceMapping") if "BisectBatchOnFunctionError" in m.properties]
    tables_with_stream = [
        table for table in prod.all("AWS::DynamoDB::Table") if "StreamSpecification" in table.properties
    ]
    assert len(streams) == len(tables_with_stream)
    for mapping in streams:
        assert _destination(mapping).startswith("RelayDeadLetters")
        assert mapping.properties["BisectBatchOnFunctionError"]
        assert mapping.properties["MaximumRetryAttempts"] > 0
        assert mapping.properties["MaximumRecordAgeInSeconds"] > 0


def test_every_batch_reports_its_failures_record_by_record(prod: Template) -> None:
    for mapping in prod.all("AWS::Lambda::EventSourceMapping"):
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_message_stays_hidden_for_as_long_as_its_consumer_may_run(prod: Template) -> None:
    queues = {queue.name: queue for queue in prod.all("AWS::SQS::Queue")}
    timeouts = {function.name: function.properties["Timeout"] for function in prod.functions().values()}
    consumed = {
        target_of(mapping.properties["EventSourceArn"]): timeouts[target_of(mapping.properties["FunctionName"])]
        for mapping in prod.all("AWS::Lambda::EventSourceMapping")
        if target_of(mapping.properties["EventSourceArn"]) in queues
    }
    assert consumed.keys() == {queue.name for queue in queues.values() if "RedrivePolicy" in queue.properties}
    for name, timeout_s in consumed.items():
        # Lambda refuses a shorter time, and asks for six times as long where a message under retry should stay hidden.
        times = 6 if name.startswith(("Issuance", "Jobs")) else 1
        assert queues[name].properties["VisibilityTimeout"] >= times * timeout_s


def test_whoever_sends_itself_the_rest_of_its_work_may_do_so_more_than_sixteen_times(prod: Template) -> None:
    consumed = {
        (target_of(mapping.properties["FunctionName"]), target_of(mapping.properties["EventSourceArn"]))
        for mapping in prod.all("AWS::Lambda::EventSourceMapping")
    }
    loops = set()
    for function in prod.functions().values():
        for statement in prod.statements_of(function):
            fed = {target_of(resource) for resource in statement.resources if "sqs:SendMessage" in statement.actions}
            loops |= {function.name for queue in fed if (function.name, queue) in consumed}
    assert loops
    for function in prod.functions().values():
        assert (function.properties.get("RecursiveLoop") == "Allow") == (function.name in loops)


def test_the_clock_sends_jobs_that_are_known_to_a_queue_and_may_do_nothing_else(prod: Template) -> None:
    sent: dict[str, set[str]] = {}
    for schedule in prod.all("AWS::Scheduler::Schedule"):
        target = schedule.properties["Target"]
        assert schedule.properties["FlexibleTimeWindow"] == {"Mode": "OFF"}
        queue, role = target_of(target["Arn"]), target_of(target["RoleArn"])
        dead_letters = target_of(target["DeadLetterConfig"]["Arn"])
        (policy,) = [p for p in prod.all("AWS::IAM::Policy") if p.properties["Roles"] == [{"Ref": role}]]
        (statement,) = policy.properties["PolicyDocument"]["Statement"]
        assert statement["Action"] == "sqs:SendMessage"
        assert {target_of(resource) for resource in statement["Resource"]} == {queue, dead_letters}
        sent.setdefault(next(kind for kind in _JOBS if queue.startswith(f"{kind}Queue")), set()).add(
            json.loads(target["Input"])["job"]
        )
        assert dead_letters.startswith(tuple(f"{kind}DeadLetters" for kind in sent))
    assert sent == _JOBS


def test_what_the_clock_could_not_send_rings(prod: Template) -> None:
    dropped = _of_the_clock(prod, "InvocationDroppedCount")
    assert {alarm.properties["TreatMissingData"] for alarm in dropped.values()} == {"notBreaching"}


def test_a_clock_that_asks_for_nothing_rings(prod: Template) -> None:
    """A schedule that is disabled or gone drops nothing, and writes no metric at all."""
    for group, silent in _of_the_clock(prod, "InvocationAttemptCount").items():
        assert silent.properties["TreatMissingData"] == "breaching"
        assert (silent.properties["Statistic"], silent.properties["Period"]) == ("Sum", _SILENT_FOR_S[group])
        assert (silent.properties["ComparisonOperator"], silent.properties["Threshold"]) == ("LessThanThreshold", 1)


def _of_the_clock(prod: Template, metric: str) -> dict[str, Resource]:
    """The alarm on `metric` of each group of schedules, by the construct that it belongs to."""
    groups = {group.name: group.name.partition("Group")[0] for group in prod.all("AWS::Scheduler::ScheduleGroup")}
    found = {}
    for alarm in prod.all("AWS::CloudWatch::Alarm"):
        if alarm.properties.get("MetricName") == metric:
            assert alarm.properties["Namespace"] == "AWS/Scheduler"
            (dimension,) = alarm.properties["Dimensions"]
            assert dimension["Name"] == "ScheduleGroup"
            found[groups[dimension["Value"]["Ref"]]] = alarm
    assert set(found) == set(groups.values()) == set(_SILENT_FOR_S)
    return found


def test_every_queue_is_encrypted_with_our_key(prod: Template) -> None:
    for queue in prod.all("AWS::SQS::Queue"):
        assert target_of(queue.properties["KmsMasterKeyId"]) == prod.key("Data").name


def test_the_back_office_opens_to_a_token_only(prod: Template) -> None:
    (authorizer,) = prod.all("AWS::ApiGatewayV2::Authorizer")
    assert authorizer.properties["AuthorizerType"] == "JWT"
    for route in prod.all("AWS::ApiGatewayV2::Route"):
        is_back_office = " /ops/" in route.properties["RouteKey"]
        assert (route.properties.get("AuthorizationType") == "JWT") == is_back_office


def test_the_api_is_throttled_and_its_log_holds_neither_query_nor_header(prod: Template) -> None:
    (stage,) = prod.all("AWS::ApiGatewayV2::Stage")
    assert stage.properties["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    fields = json.loads(stage.properties["AccessLogSettings"]["Format"]).values()
    assert not [field for field in fields if "query" in field.lower() or "header" in field.lower()]


def test_operators_in_production_need_a_second_factor_and_nobody_signs_up(prod: Template) -> None:
    (pool,) = prod.all("AWS::Cognito::UserPool")
    assert pool.properties["MfaConfiguration"] == "ON"
    assert pool.properties["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    (client,) = prod.all("AWS::Cognito::UserPoolClient")
    assert "ALLOW_USER_PASSWORD_AUTH" not in client.properties["ExplicitAuthFlows"]


@pytest.mark.parametrize("kind", _RESERVED_NAMES)
def test_no_name_is_reserved_so_that_two_stacks_fit_in_an_account(prod: Template, kind: str) -> None:
    assert not [resource.name for resource in prod.all(kind) if _RESERVED_NAMES[kind] in resource.properties]


def test_no_secret_is_in_the_template(prod: Template) -> None:
    for secret in prod.all("AWS::SecretsManager::Secret"):
        assert secret.properties.get("SecretString", "{}") == "{}"


def _destination(resource: Resource) -> str:
    return target_of(resource.properties["DestinationConfig"]["OnFailure"]["Destination"])
