"""The work of a daemon without the daemon: no fork, no setsid, no pid file, no redirection. The chain does all that."""

import signal
import sys
import time

signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
print("worker: at work", flush=True)
while True:
    time.sleep(60)
