complete -c daemonize -s c -d 'Change to this directory, not to /' -r -f -a "(__fish_complete_directories)"
complete -c daemonize -s e -d 'Write standard error to this file, not to /dev/null' -r -F
complete -c daemonize -s E -d 'Set a variable in the daemon\'s environment; can be repeated' -r -f
complete -c daemonize -s l -d 'Hold a flock(2) on this file; refuse to start if another process does' -r -F
complete -c daemonize -s o -d 'Write standard output to this file, not to /dev/null' -r -F
complete -c daemonize -s p -d 'Write the daemon\'s pid to this file, and hold it locked as pidfile-lock does' -r -F
complete -c daemonize -s u -d 'Become this account, with all its groups; set USER, LOGNAME and HOME; for root' -r -f
complete -c daemonize -l ready -d 'Return on exec (default), none, fd=N: a newline on N, notify: READY=1' -r -f
complete -c daemonize -l notify-access -d 'With --ready=notify: believe main (default), the daemon alone, or all' -r -f
complete -c daemonize -l timeout -d 'Wait for so long at most, then stop the daemon and fail; 0 is no bound' -r -f
complete -c daemonize -l on-timeout -d 'stop (default) or keep a daemon that is not ready in time' -r -f
complete -c daemonize -l settle -d 'Fail if the daemon ends within so many milliseconds of its start' -r -f
complete -c daemonize -l umask -d 'Set the umask, in octal; without it, it stays' -r -f
complete -c daemonize -l close-fds -d 'Close all descriptors from FROM (3) on but those that daemonize gives' -r -f
complete -c daemonize -l pidfile-owner -d 'Who owns the file of -p: invoker (default) or user, the account of -u' -r -f
complete -c daemonize -s a -d 'Append to the files of -o and -e instead of emptying them'
complete -c daemonize -s v -d 'Say on standard output what is being done'
complete -c daemonize -l double-fork -d 'Fork again: the daemon leads no session and can gain no terminal'
complete -c daemonize -l no-session -d 'Fork, but stay in the caller\'s session'
complete -c daemonize -l keep-stdio -d 'Leave standard input, output and error as they are'
complete -c daemonize -l help -d 'Print this help and exit'
complete -c daemonize -l version -d 'Print the version and exit'
complete -c daemonize -x -a "(__fish_complete_subcommand --fcs-skip=1 -- -c -e -E -l -o -p -u --ready --notify-access --timeout --on-timeout --settle --umask --pidfile-owner)"
