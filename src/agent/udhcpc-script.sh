#!/bin/sh
# Run by udhcpc with what a DHCP server said. Tells the router on stdout (readLease in dhcp.ts) and changes nothing.
echo "router ${router%% *}"
