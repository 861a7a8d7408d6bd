"""Ctrl-C works in the processes that tests start, even when the tests themselves run in the background."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # shells set this for what runs with `&`, and children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.stores"]
