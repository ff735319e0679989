# What dpkg is told of the package: see deb(5). Part of package.sh.

control_tree() {
  mkdir "$root/DEBIAN"
  for script in postinst prerm postrm; do install_as 755 packaging/debian/$script DEBIAN/$script; done
  echo /etc/trama/config.yaml >"$root/DEBIAN/conffiles"
  (cd "$root" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) \
    >"$root/DEBIAN/md5sums"
  sed "s/@VERSION@/$debian_version/; s/@ARCHITECTURE@/$architecture/; s/@MAINTAINER@/$maintainer/; s/@SIZE@/$(installed_size)/" \
    packaging/debian/control >"$root/DEBIAN/control"
  chmod 644 "$root/DEBIAN/control" "$root/DEBIAN/conffiles" "$root/DEBIAN/md5sums"
}

# KiB as dpkg-gencontrol(1) counts them: files rounded up, one for everything else.
installed_size() {
  find "$root" ! -path "$root/DEBIAN*" \( -type f -printf '%s\n' -o -printf '1\n' \) |
    awk '{ sum += int(($1 + 1023) / 1024) } END { print sum }'
}
