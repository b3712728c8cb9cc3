#!/bin/sh
# certificates.sh DIR: makes self-signed certificates for publisher.py, each with its key, DIR/NAME.crt and DIR/NAME.key:
#
#   good      for 127.0.0.1, ::1 and localhost, good for two days
#   other     the same, for another name
#   expired   the same as good, but over since 2020
#   client    for a client, as is
#   stranger  for another client
#
# and DIR/NAME.pin, the pinned key of NAME as hallowd.yaml has it.
#
# A client trusts one by taking its .crt for its CA file.
set -eu
cd "$1"
names=IP:127.0.0.1,IP:::1,DNS:localhost

cat >openssl.conf <<EOF
[ca]
default_ca = lab
[lab]
new_certs_dir = .
database = index.txt
serial = serial
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = none
[none]
EOF
: >index.txt
echo 01 >serial

# request NAME SUBJECT-ALTERNATIVE-NAMES: a key and a signing request.
request() {
	openssl req -config openssl.conf -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" \
		-out "$1.csr" -subj "/CN=$1" -addext "subjectAltName=$2"
}

# sign NAME FIRST LAST: its own key signs it, good from FIRST to LAST.
sign() {
	openssl ca -config openssl.conf -batch -notext -selfsign -keyfile "$1.key" -in "$1.csr" -out "$1.crt" \
		-startdate "$2" -enddate "$3"
}

# day N: N days from today, as openssl ca wants it.
day() { python3 -c "import time; print(time.strftime('%y%m%d000000Z', time.gmtime(time.time() + $1 * 86400)))"; }

{
	request good "$names"
	request other DNS:other.example
	request expired "$names"
	request client DNS:client.example
	request stranger DNS:stranger.example
	sign good "$(day -1)" "$(day 2)"
	sign client "$(day -1)" "$(day 2)"
	sign stranger "$(day -1)" "$(day 2)"
	sign other "$(day -1)" "$(day 2)"
	sign expired 200101000000Z 200102000000Z
	for name in good other; do
		openssl pkey -in $name.key -pubout -outform der | openssl dgst -sha256 -binary | base64 | sed 's|^|sha256//|' >$name.pin
	done
} >openssl.log 2>&1 || {
	cat openssl.log >&2
	exit 1
}
chmod 644 ./*.crt ./*.key
