#!/bin/sh
# Builds the program for both platforms and packs only what a node needs. Wants Go 1.21 or newer.
set -eu
cd "$(dirname "$0")"

rm -rf build
mkdir -p build/bin
for arch in x64 arm64; do
  goarch=$([ "$arch" = x64 ] && echo amd64 || echo arm64)
  CGO_ENABLED=0 GOOS=linux GOARCH=$goarch go build -trimpath -ldflags='-s -w' -o "build/bin/hello-linux-$arch" .
done
cp manifest.yaml build/
p2p-playground pack build --out hello-go-1.0.0.p2p
