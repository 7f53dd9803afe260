complete -c catena -l install -d 'Make symbolic links to this program in DIR, one for each applet and one called catena, and exit' -r -f -a "(__fish_complete_directories)"
complete -c catena -l list -d 'Print the names of all applets, one a line, and exit'
complete -c catena -l no-fuse -d 'Run each link of the chain by a real exec'
complete -c catena -l help -d 'Print this help and exit'
complete -c catena -l version -d 'Print the version and exit'
complete -c catena -n __fish_is_first_arg -x -a "nohup setsid pgrphack daemonize pidfile-lock fghack envdir envuidgid setuidgid softlimit setlock svscan supervise svc svok svup svstat svwait svscanboot readproctitle multilog tai64n tai64nlocal"
complete -c catena -n 'not __fish_is_first_arg' -x -a "(__fish_complete_subcommand)"
