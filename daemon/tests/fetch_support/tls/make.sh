#!/bin/sh
# Makes the certificates of the TLS tests anew, beside this file; needs OpenSSL 3. The CA's key is thrown away.
# They are good for tests alone: the server's key is public.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
authority() { openssl req -x509 -new -key "$1" -days 36500 -subj "/CN=$2" -out "$3"; }

key "$work/ca.key"
key "$work/other-ca.key"
key server.key
authority "$work/ca.key" "bearerd test CA" ca.pem
authority "$work/other-ca.key" "bearerd other test CA" other-ca.pem

cat >"$work/ca.cnf" <<END
[ca]
default_ca = test
[test]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = any
x509_extensions = none
[any]
commonName = supplied
[loopback]
subjectAltName = IP:127.0.0.1, DNS:localhost
extendedKeyUsage = serverAuth
[elsewhere]
subjectAltName = DNS:elsewhere.example.com
extendedKeyUsage = serverAuth
[none]
END

# leaf FILE NAMES FROM TO: the names are a section of the file above.
leaf() {
    : >"$work/index"
    openssl rand -hex 8 >"$work/serial"
    openssl req -new -key server.key -subj "/CN=bearerd test server" -out "$work/leaf.csr"
    openssl ca -batch -notext -config "$work/ca.cnf" -cert ca.pem -keyfile "$work/ca.key" -in "$work/leaf.csr" \
        -extensions "$2" -startdate "$3" -enddate "$4" -out "$1" 2>/dev/null
}
leaf loopback.pem loopback 20200101000000Z 21200101000000Z
leaf elsewhere.pem elsewhere 20200101000000Z 21200101000000Z
leaf expired.pem loopback 20200101000000Z 20210101000000Z
