"""The exception of newsapi-python 0.2.7."""

class NewsAPIException(Exception):  # noqa: N818
    def get_exception(self) -> object: ...
