# When what is packaged was written. Part of package.sh.

# Seconds since 1970. Without a history, the day of the newest file that there is.
source_time() {
  if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
    echo "$SOURCE_DATE_EPOCH"
  elif ! git -c safe.directory='*' log -1 --format=%ct 2>/dev/null; then
    find bin src packaging CHANGELOG.md -type f -printf '%T@\n' | sort -n | tail -n 1 | cut -d. -f1
  fi
}

# For date(1).
source_date() { date -u -d "@$SOURCE_DATE_EPOCH" "$@"; }
