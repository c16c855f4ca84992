"""A sample gateway for a first look: `gateway-exporter demo` counts the logs that it writes."""

from exporter.demo.files import CONFIG, keys_text, write_config
from exporter.demo.gateway import SampleGateway

__all__ = ["CONFIG", "SampleGateway", "keys_text", "write_config"]
