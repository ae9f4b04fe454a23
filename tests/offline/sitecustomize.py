"""Python imports this by itself when it starts: in the tests, and in every Python that they start. Names and
addresses outside this machine are refused, and written down in the file that RLVR_ATTEMPTS names."""
import os
import sys

LOCAL = ("localhost", "127.0.0.1", "::1", "", None, os.uname().nodename)


def refuse_network(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a Unix socket has a path
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in LOCAL:
        with open(os.environ["RLVR_ATTEMPTS"], "a", encoding="utf-8") as stream:
            stream.write(f"{event} {host}\n")
        raise OSError(f"a test may not reach {host}")


sys.addaudithook(refuse_network)
