<?php
// The work of a daemon without the daemon: no pcntl_fork, no posix_setsid, no pid file, no log to open. The chain does
// all that.
echo "worker: at work\n";
while (true) {
    sleep(60);
}
