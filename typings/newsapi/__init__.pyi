"""What signals_pipeline uses of newsapi-python 0.2.7, which ships no types."""

import requests

class NewsApiClient:
    def __init__(self, api_key: str, session: requests.Session | None = None) -> None: ...
    def get_everything(
        self,
        *,
        q: str,
        from_param: str,
        to: str,
        language: str,
        sort_by: str,
        page_size: int,
        page: int,
    ) -> object: ...
