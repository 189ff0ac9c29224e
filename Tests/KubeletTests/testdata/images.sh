#!/bin/sh
# images.sh FOLDER: makes FOLDER/pause.tar, FOLDER/web.tar and FOLDER/spare.tar, OCI archives around Debian's static busybox.
# Import: ctr -n k8s.io images import --base-name tricenter.local/pause FOLDER/pause.tar (and web alike).
set -e
out=$1
image() { # NAME ENTRYPOINT-JSON
  w=$out/$1.oci
  mkdir -p "$w/blobs/sha256"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$out/$1" -cf "$w/layer" .
  blob() { digest=$(sha256sum "$1" | cut -d' ' -f1); size=$(stat -c %s "$1"); mv "$1" "$w/blobs/sha256/$digest"; }
  blob "$w/layer"; layer=$digest; layersize=$size
  printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":%s,"Env":["PATH=/bin"],"WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[]}' \
    "$arch" "$2" "$layer" > "$w/config"
  blob "$w/config"; config=$digest; configsize=$size
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
    "$config" "$configsize" "$layer" "$layersize" > "$w/manifest"
  blob "$w/manifest"
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}' \
    "$digest" "$size" > "$w/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' > "$w/oci-layout"
  tar -C "$w" -cf "$out/$1.tar" oci-layout index.json blobs
}
arch=$(dpkg --print-architecture)
for name in pause web spare; do
  mkdir -p "$out/$name/bin" "$out/$name/tmp" "$out/$name/etc"
  cp /bin/busybox "$out/$name/bin/"
  for applet in sh sleep httpd cat echo wget ls kill hostname env printf test touch rm id true false tar mkdir; do
    ln -sf busybox "$out/$name/bin/$applet"
  done
done
mkdir -p "$out/web/www/cgi-bin"
# httpd runs cgi-bin/index.cgi for / where there is no index.html.
printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\npod=%%s host=%%s center=%%s\\n" "$POD_NAME" "$NODE_NAME" "$CENTER"\n' > "$out/web/www/cgi-bin/index.cgi"
chmod 755 "$out/web/www/cgi-bin/index.cgi"
image pause '["/bin/sh","-c","trap \"exit 0\" TERM INT; while :; do sleep 86400 \u0026 wait $!; done"]'
image spare '["/bin/true"]'
# As process 1 httpd would not die of SIGTERM; the shell in front of it does.
image web '["/bin/sh","-c","trap \"exit 0\" TERM INT; echo serving; httpd -f -p 8080 -h /www \u0026 wait $!"]'
