"""The bucket that key files come in by."""

from __future__ import annotations

from tests.infra.template import Template


def test_the_importer_is_told_of_each_file_that_arrives_and_of_each_that_expires(prod: Template) -> None:
    (bucket,) = prod.all("AWS::S3::Bucket")
    told = bucket.properties["NotificationConfiguration"]["QueueConfigurations"]
    assert {each["Event"] for each in told} == {"s3:ObjectCreated:*", "s3:LifecycleExpiration:Delete"}
    assert all("Uploads" in str(each["Queue"]) for each in told)
    assert all(each["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "imports/"}] for each in told)
