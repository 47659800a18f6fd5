#!/bin/sh
# Makes the keys of the tests anew, in this folder. They are worth nothing: anybody can read them here.
set -eu
cd "$(dirname "$0")"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem
openssl rsa -in rsa.pem -traditional -out rsa-pkcs1.pem
openssl rsa -in rsa.pem -traditional -aes128 -passout pass:x -out rsa-pkcs1-encrypted.pem
openssl pkey -in rsa.pem -aes256 -passout pass:x -out rsa-encrypted.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa-1024.pem
openssl ecparam -name prime256v1 -genkey -out p256-sec1.pem
openssl pkcs8 -topk8 -nocrypt -in p256-sec1.pem -out p256.pem
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.pem
openssl genpkey -algorithm ED25519 -out ed25519.pem
openssl genpkey -algorithm X25519 -out x25519.pem
for key in rsa p256 ed25519; do
    openssl pkey -in "$key.pem" -pubout -out "$key.pub.pem"
done
