#!/usr/bin/env bash
# Makes the certificates of tests/suite/tls. Their keys protect nothing: they are for loopback.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

key() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
  -keyout "$1" -out "$2" -subj "/CN=$3" 2>/dev/null; }

# sign REQUEST OUT EXTENSIONS FROM TO [CA_CERTIFICATE CA_KEY]; without a CA by itself.
sign() {
  printf '[x]\n%b' "$3" >"$work/extensions"
  : >"$work/index"
  printf '[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=%s\ndatabase=%s/index\nrand_serial=yes
default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n' "$work" "$work" >"$work/conf"
  local by=(-cert "${6:-}" -keyfile "${7:-}")
  [ $# -gt 5 ] || by=(-selfsign -keyfile "$work/self.key")
  openssl ca -batch -notext -config "$work/conf" -in "$1" -out "$2" -startdate "$4" -enddate "$5" \
    -extfile "$work/extensions" -extensions x "${by[@]}" 2>/dev/null
}

long=(20200101000000Z 21200101000000Z)
for name in authority stranger; do
  key "$work/$name.key" "$work/csr" "$name of tests"
  cp "$work/$name.key" "$work/self.key"
  sign "$work/csr" "$work/$name.pem" \
    'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n' "${long[@]}"
done
cp "$work/authority.pem" authority.pem

# leaf NAME CA WHO FROM TO
leaf() {
  key "$1.key" "$work/csr" "$1"
  sign "$work/csr" "$1.pem" \
    "subjectAltName=$3\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n" \
    "$4" "$5" "$work/$2.pem" "$work/$2.key"
}
leaf good authority IP:127.0.0.1 "${long[@]}"
leaf unknown stranger IP:127.0.0.1 "${long[@]}"
leaf elsewhere authority DNS:evil.example "${long[@]}"
leaf expired authority IP:127.0.0.1 20200101000000Z 20200102000000Z
leaf early authority IP:127.0.0.1 21000101000000Z 21000102000000Z
chmod 644 ./*.key
