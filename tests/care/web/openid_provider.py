"""Canaille, an OpenID provider in use elsewhere, as a process: two people and one client."""

from __future__ import annotations

import sys

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from joserfc.jwk import RSAKey
from werkzeug.serving import run_simple

PASSWORD = "a password of the provider's"


def main(port: int, sites: list[str]) -> None:
    """Serve until stopped; `sites` are where the client's pages are."""
    key = RSAKey.generate_key(2048, parameters={"kid": "first", "use": "sig", "alg": "RS256"})
    app = create_app(
        {
            "SECRET_KEY": "of this run only",
            "SERVER_NAME": f"localhost:{port}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "LOGGING": {"version": 1}},
            "CANAILLE_OIDC": {
                "ACTIVE_JWKS": [key.as_dict(private=True)],
                "TRUSTED_DOMAINS": ["127.0.0.1"],  # also where people are sent as they leave
            },
        }
    )
    with app.app_context():
        save = Backend.instance.save
        for name in ("alice", "bruno"):
            save(
                models.User(
                    user_name=name,
                    family_name=name,
                    emails=[f"{name}@example.org"],
                    password=PASSWORD,
                )
            )
        client = models.Client(
            client_id="balise",
            client_secret="a secret of both: %",
            client_name="Balise",
            client_uri=sites[0],  # trusted: nobody is asked whether they agree
            redirect_uris=[f"{site}/sign-in/outside/back" for site in sites],
            post_logout_redirect_uris=[f"{site}/sign-in" for site in sites],
            grant_types=["authorization_code"],
            response_types=["code"],
            token_endpoint_auth_method="client_secret_post",
            scope=["openid"],
        )
        save(client)
        client.audience = [client]
        save(client)
    run_simple("localhost", port, app, threaded=True)


main(int(sys.argv[1]), sys.argv[2:])
