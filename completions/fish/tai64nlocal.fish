complete -c tai64nlocal -s d -d 'Write so many decimals of the second, 0 to 9 (default 9)' -r -f
complete -c tai64nlocal -s f -d 'Write the time by this format of strftime(3), with %N for the decimals of the second' -r -f
complete -c tai64nlocal -s u -d 'Write UTC, not local time'
complete -c tai64nlocal -s a -d 'Convert labels after white space within lines, too'
complete -c tai64nlocal -l iso -d 'Write 2026-11-21T04:26:50.123456789+01:00, as RFC 3339 has it'
complete -c tai64nlocal -l help -d 'Print this help and exit'
complete -c tai64nlocal -l version -d 'Print the version and exit'
