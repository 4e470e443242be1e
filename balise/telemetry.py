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
_OURS = "balise"
_SECONDS = 2.0
"""How long a collector may take: a process that ends waits for it."""
_TRACER = trace.get_tracer(_OURS)


def begin(service: str) -> None:
    """Send the traces of this process to the collector, where there is one."""
    if not os.environ.get(COLLECTOR):
        return
    # Nobody waits for these imports but who wants traces.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    class Ours(BatchSpanProcessor):
        """Sends no spans but ours: those of Prefect have the text of what failed."""

        def on_end(self, span: ReadableSpan) -> None:
            scope = span.instrumentation_scope
            if scope is not None and scope.name == _OURS:
                super().on_end(span)

    provider = TracerProvider(resource=Resource.create({"service.name": f"balise-{service}"}))
    provider.add_span_processor(Ours(OTLPSpanExporter(timeout=_SECONDS)))
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
