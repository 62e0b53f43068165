"""The channels of a deployment: read from the file of readers when the first message to one is due."""

from collections.abc import Callable
from functools import cache, partial

from signals_pipeline.adapters.channels.configuration import Channels, parse_channels
from signals_pipeline.adapters.channels.connection import Limits
from signals_pipeline.adapters.readers import ReadersFileError, load_readers
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment
from signals_pipeline.settings.referenced import referenced_value


def channels_reader(settings: Settings) -> Callable[[], Channels]:
    """What reads the channels, once, on its first call: most runs send nothing to any."""
    return cache(partial(channels_of, settings))


def channels_of(settings: Settings) -> Channels:
    """The channels of a deployment; a file that can't be read is why none can be used, and stops no mail."""
    limits = Limits(private_hosts=settings.private_hosts)
    if not settings.signals_readers:
        return Channels(limits=limits)
    try:
        raw = load_readers(settings.signals_readers).channels
    except ReadersFileError as error:
        return Channels(unread=str(error), limits=limits)
    is_production = settings.signals_deployment is Deployment.PRODUCTION
    variables = settings.channels_variables.get_secret_value() if settings.channels_variables else ""

    def value_of(name: str) -> str:
        return referenced_value(name, variables)

    return parse_channels(raw, value_of, limits, warn_of_clear_text=is_production)
