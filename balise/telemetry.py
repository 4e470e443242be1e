"""Traces for a collector (OpenTelemetry): of what the line and the pages did, and how long it took.

Off unless the environment names a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`). A span has the name of
a step or of a route, and counts; never a path, a parameter or the text of an error, which hold
values.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode

COLLECTOR = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACER = trace.get_tracer("balise")


def begin(service: str) -> None:
    """Send the traces of this process to the collector, where there is one; Prefect's runs too."""
    if not os.environ.get(COLLECTOR):
        return
    # Nobody waits for these imports but who wants traces.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"balise-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


@contextmanager
def span(name: str, **counts: int) -> Iterator[Span]:
    """Time a piece of work; what fails is told by its kind."""
    with _TRACER.start_as_current_span(
        name, attributes=counts, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
