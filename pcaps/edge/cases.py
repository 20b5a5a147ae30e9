"""What all case files share: the list of cases, the two names, and whole TLS and HTTP connections."""
from packet import *
from payload import *

CASES = []
ALLOWED, REFUSED = "www.kaggle.com", "example.org"


def case(build):
    CASES.append((build.__name__.replace("_", "-"), build))
    return build


def tls(trace, name=ALLOWED, hello=None, **options):
    """A whole TLS connection."""
    c = Tcp(trace, **options).open().ask(hello or client_hello(name)).answer(server_hello())
    c.send(CLIENT, application_data()).send(SERVER, application_data(120))
    return c.close()


def http(trace, host=ALLOWED, ask=None, **options):
    """A whole HTTP connection with one request."""
    c = Tcp(trace, **{"port": 80, **options}).open()
    return c.ask(ask or request(host)).answer(response()).close()
