"""Holds every line of a file of events against a JSON Schema and the classes of openlineage-python.

The schema beside this file says what OpenLineage 2-0-2 demands. Both refuse unknown and missing keys,
times, ids and addresses that are none. Prints a line for each: `ok`, or who refused it and why.
"""

import json
import pathlib
import sys

from jsonschema import Draft202012Validator, FormatChecker
from openlineage.client.generated import (
    base,
    dataset_version_dataset,
    error_message_run,
    input_statistics_input_dataset,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
)


def parent(run, job, root):
    return parent_run.ParentRunFacet(
        run=parent_run.Run(**run),
        job=parent_run.Job(**job),
        root=parent_run.Root(
            run=parent_run.RootRun(**root["run"]), job=parent_run.RootJob(**root["job"])
        ),
    )


def schema(fields):
    fields = [schema_dataset.SchemaDatasetFacetFields(**field) for field in fields]
    return schema_dataset.SchemaDatasetFacet(fields=fields)


FACETS = {
    "parent": parent,
    "nominalTime": nominal_time_run.NominalTimeRunFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "processing_engine": processing_engine_run.ProcessingEngineRunFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "schema": schema,
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}


def facets(found):
    built = {}
    for name, facet in found.items():
        assert facet.pop("_producer").startswith("pkg:"), name
        address = facet.pop("_schemaURL")
        built[name] = FACETS[name](**facet)
        assert address == built[name]._get_schema(), f"{name}: {address}"
    return built


def dataset(kind, found):
    found = {key: facets(value) if key.lower().endswith("facets") else value for key, value in found.items()}
    return kind(**found)


def event(found):
    run, job = found.pop("run"), found.pop("job")
    assert found.pop("schemaURL") == base.RunEvent._get_schema()
    base.RunEvent(
        eventType=base.EventType(found.pop("eventType")),
        run=base.Run(runId=run.pop("runId"), facets=facets(run.pop("facets")), **run),
        job=base.Job(facets=facets(job.pop("facets")), **job),
        inputs=[dataset(base.InputDataset, one) for one in found.pop("inputs")],
        outputs=[dataset(base.OutputDataset, one) for one in found.pop("outputs")],
        **found,
    )


SCHEMA = json.loads(pathlib.Path(__file__).with_name("run_event.schema.json").read_text())
Draft202012Validator.check_schema(SCHEMA)
FORMATS = FormatChecker(["date-time", "uri", "uuid"])
assert not FORMATS.conforms("today", "date-time") and not FORMATS.conforms("a b", "uri")
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FORMATS)

def verdict(line):
    for judge, hold in (("schema", VALIDATOR.validate), ("client", event)):
        try:
            hold(json.loads(line))
        except Exception as refusal:
            return f"{judge}: {str(refusal).splitlines()[0]}"
    return "ok"


with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        print(verdict(line))
