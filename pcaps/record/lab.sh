# The lab: four network namespaces on this machine and the servers in one of them. Sourced by `record`.
#
#   fd-notebook 10.2.1.10, 2001:db8:2:1::10 --- r0 \
#                                                    fd-router --- r1 --- fd-internet (every server address)
#   fd-job      10.2.2.10                    --- r2 /
#
# Nothing here has a route to the machine's own network: the traffic cannot leave the lab.

RECORD_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NAMESPACES="fd-notebook fd-job fd-router fd-internet"
RESOLVER=192.0.2.53
ECHO_SERVER=203.0.113.99        # raw TCP on 443, no TLS; UDP echo on 9999
SSH_SERVER=203.0.113.22         # sshd on 22 and on 443
SILENT_SERVER=203.0.113.200     # answers nothing

install_packages() {
    local want="nginx-light fcgiwrap dnsmasq-base openssh-server openssh-client git curl wget nodejs chromium
        tcpdump tshark ethtool iproute2 iputils-ping bind9-dnsutils openssl netcat-openbsd socat zstd python3 python3-pip"
    local missing="" p
    for p in $want; do
        case $p in
            nodejs) command -v node >/dev/null && continue ;;
            git) command -v git >/dev/null && continue ;;
            python3-pip) python3 -m pip --version >/dev/null 2>&1 && continue ;;
        esac
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q ' installed' || missing="$missing $p"
    done
    [ -z "$missing" ] && return
    # The packages' own services must not start on the machine itself: only the copies inside the lab run.
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        made=1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update
    # shellcheck disable=SC2086
    apt-get -q install -y --no-install-recommends $missing
    [ -z "$made" ] || rm -f "$policy"
}

# Client programs get a clean environment: no proxy, no index or registry setting of the machine.
inside() {
    local ns=$1
    shift
    ip netns exec "$ns" env -i PATH="$PATH" HOME="$LAB/home" LANG=C.UTF-8 SSL_CERT_FILE="$LAB/ca.pem" \
        GIT_SSL_CAINFO="$LAB/ca.pem" PIP_CERT="$LAB/ca.pem" NODE_EXTRA_CA_CERTS="$LAB/ca.pem" "$@"
}
notebook() { inside fd-notebook "$@"; }
job() { inside fd-job "$@"; }

link() { # link NAMESPACE DEVICE ROUTER-DEVICE
    ip link add "$2" netns "$1" type veth peer name "$3" netns fd-router
    local pair
    for pair in "$1 $2" "fd-router $3"; do
        # Offloads off: captures then hold whole checksums and segments as the wire has them.
        # shellcheck disable=SC2086
        ip netns exec ${pair% *} ethtool -K ${pair#* } tx off rx off tso off gso off gro off sg off >/dev/null
        # shellcheck disable=SC2086
        ip netns exec ${pair% *} sysctl -qw "net.ipv6.conf.${pair#* }.accept_dad=0" \
            "net.ipv6.conf.${pair#* }.router_solicitations=0"
        ip -n "${pair% *}" link set "${pair#* }" up
    done
}

# Also called after a scenario with a narrow link: below 1280 bytes the kernel takes an interface's IPv6 away.
router_ipv6() {
    ip -n fd-router addr replace 2001:db8:2:1::1/64 dev r0 nodad
    ip -n fd-router addr replace 2001:db8:ffff::1/64 dev r1 nodad
    ip -n fd-router -6 route replace 2001:db8:100::/40 via 2001:db8:ffff::2
}

build_namespaces() {
    local ns address
    for ns in $NAMESPACES; do
        ip netns add "$ns"
        ip -n "$ns" link set lo up
        mkdir -p "/etc/netns/$ns"
        echo "nameserver $RESOLVER" >"/etc/netns/$ns/resolv.conf"
    done
    link fd-notebook eth0 r0
    link fd-job eth0 r2
    link fd-internet eth0 r1
    ip -n fd-notebook addr add 10.2.1.10/24 dev eth0
    ip -n fd-notebook addr add 2001:db8:2:1::10/64 dev eth0 nodad
    ip -n fd-job addr add 10.2.2.10/24 dev eth0
    ip -n fd-internet addr add 192.168.255.2/30 dev eth0
    ip -n fd-internet addr add 2001:db8:ffff::2/64 dev eth0 nodad
    ip -n fd-router addr add 10.2.1.1/24 dev r0
    ip -n fd-router addr add 10.2.2.1/24 dev r2
    ip -n fd-router addr add 192.168.255.1/30 dev r1
    ip netns exec fd-router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    ip -n fd-notebook route add default via 10.2.1.1
    ip -n fd-notebook -6 route add default via 2001:db8:2:1::1
    ip -n fd-job route add default via 10.2.2.1
    for address in 198.51.100.0/24 203.0.113.0/24 192.0.2.0/24; do
        ip -n fd-router route add "$address" via 192.168.255.2
    done
    router_ipv6
    ip -n fd-internet route add 10.2.0.0/16 via 192.168.255.1
    ip -n fd-internet -6 route add 2001:db8:2::/48 via 2001:db8:ffff::1
    for address in $(awk '!/^#/ { print $1 }' "$RECORD_DIR/names.txt") $RESOLVER $ECHO_SERVER $SSH_SERVER; do
        case $address in
            *:*) ip -n fd-internet addr add "$address/128" dev lo nodad ;;
            *) ip -n fd-internet addr add "$address/32" dev lo ;;
        esac
    done
    ip -n fd-internet route add blackhole $SILENT_SERVER/32
}

make_certificates() {
    local names
    names=$(awk '!/^#/ { for (i = 2; i <= NF; i++) printf "%sDNS:%s", (n++ ? "," : ""), $i }' "$RECORD_DIR/names.txt")
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Lab throw-away CA" \
        -keyout "$LAB/ca.key" -out "$LAB/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=lab" \
        -keyout "$LAB/server.key" -out "$LAB/server.csr" 2>/dev/null
    openssl x509 -req -in "$LAB/server.csr" -CA "$LAB/ca.pem" -CAkey "$LAB/ca.key" -CAcreateserial -days 30 \
        -extfile <(echo "subjectAltName=$names") -out "$LAB/server.pem" 2>/dev/null
}

make_content() {
    python3 "$RECORD_DIR/packages.py" "$LAB/www"
    local work=$LAB/work
    git init -q -b main "$work"
    echo "# tiny" >"$work/README.md"
    git -C "$work" add README.md
    git -C "$work" -c user.name=lab -c user.email=lab@lab.example commit -q -m "one file"
    mkdir -p "$LAB/git/lab"
    git clone -q --bare "$work" "$LAB/git/lab/tiny.git"
    git -C "$LAB/git/lab/tiny.git" update-server-info
}

write_nginx_conf() {
    local tls address
    tls=$(awk '!/^#/ { a = ($1 ~ /:/) ? "[" $1 "]" : $1; print "listen " a ":443 ssl;" }' "$RECORD_DIR/names.txt")
    address() { awk -v n="$1" '!/^#/ { for (i = 2; i <= NF; i++) if ($i == n) { print $1; exit } }' "$RECORD_DIR/names.txt"; }
    cat >"$LAB/nginx.conf" <<CONF
user root;
worker_processes 1;
pid $LAB/nginx.pid;
error_log $LAB/nginx.log;
events { worker_connections 256; }
http {
    access_log off;
    types { text/html html; application/json json; application/octet-stream whl tgz; }
    default_type text/plain;
    ssl_certificate $LAB/server.pem;
    ssl_certificate_key $LAB/server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets off;
    client_body_temp_path $LAB/tmp; proxy_temp_path $LAB/tmp; fastcgi_temp_path $LAB/tmp;
    uwsgi_temp_path $LAB/tmp; scgi_temp_path $LAB/tmp;
    server {
        listen 80 default_server; listen [::]:80 default_server;
        listen 8080 default_server; listen [::]:8080 default_server;
        listen 8443 ssl default_server; listen [::]:8443 ssl default_server;
        $tls
        location / { return 200 "this is \$host\n"; }
    }
    server {
        listen 80; listen $(address pypi.org):443 ssl; listen $(address files.pythonhosted.org):443 ssl;
        server_name pypi.org files.pythonhosted.org;
        root $LAB/www/pypi; index index.html;
    }
    server {
        listen 80; listen $(address registry.npmjs.org):443 ssl;
        server_name registry.npmjs.org;
        root $LAB/www/npm; default_type application/json;
    }
    server {
        listen 80; listen $(address github.com):443 ssl;
        server_name github.com;
        location / {
            fastcgi_pass unix:$LAB/fcgi.sock;
            fastcgi_param SCRIPT_FILENAME $(git --exec-path)/git-http-backend;
            fastcgi_param GIT_PROJECT_ROOT $LAB/git;
            fastcgi_param GIT_HTTP_EXPORT_ALL 1;
            fastcgi_param HOME $LAB/home;
            fastcgi_param PATH_INFO \$uri;
            fastcgi_param QUERY_STRING \$args;
            fastcgi_param REQUEST_METHOD \$request_method;
            fastcgi_param CONTENT_TYPE \$content_type;
            fastcgi_param CONTENT_LENGTH \$content_length;
            fastcgi_param GIT_PROTOCOL \$http_git_protocol;
        }
    }
}
CONF
}

SERVER_PIDS=""
serve() { # serve COMMAND...: starts one server in fd-internet and remembers its process
    ip netns exec fd-internet "$@" >>"$LAB/servers.log" 2>&1 &
    SERVER_PIDS="$SERVER_PIDS $!"
}

start_servers() {
    mkdir -p "$LAB/tmp" "$LAB/home" "$LAB/www" /run/sshd
    chmod 755 "$LAB"
    make_certificates
    make_content
    write_nginx_conf
    {
        echo "no-resolv"
        echo "no-hosts"
        echo "local=/#/"
        echo "listen-address=$RESOLVER"
        echo "bind-interfaces"
        echo "edns-packet-max=4096"
        awk '!/^#/ { for (i = 2; i <= NF; i++) print "host-record=" $i "," $1 }' "$RECORD_DIR/names.txt"
        # An answer that fits no 512 byte datagram and no 1500 byte frame either: ten records of 240 bytes.
        printf 'txt-record=big.example.org,%0240d\n' 0 1 2 3 4 5 6 7 8 9
    } >"$LAB/dnsmasq.conf"
    ssh-keygen -q -t ed25519 -N "" -f "$LAB/host_key"
    ssh-keygen -q -t ed25519 -N "" -f "$LAB/user_key"
    cat >"$LAB/sshd_config" <<CONF
Port 22
Port 443
ListenAddress $SSH_SERVER
HostKey $LAB/host_key
PidFile none
AuthorizedKeysFile $LAB/user_key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
CONF
    serve dnsmasq --keep-in-foreground --conf-file="$LAB/dnsmasq.conf" --user=root --pid-file=
    serve fcgiwrap -s "unix:$LAB/fcgi.sock"
    serve nginx -c "$LAB/nginx.conf" -g "daemon off;"
    serve /usr/sbin/sshd -D -e -f "$LAB/sshd_config"
    serve python3 "$RECORD_DIR/echo_server.py" $ECHO_SERVER
    local _
    for _ in $(seq 50); do
        notebook curl -s -m 2 -o /dev/null http://www.kaggle.com/ && return
        sleep 0.2
    done
    echo "record: the lab's servers do not answer, see $LAB" >&2
    return 1
}

tear_down() {
    local ns pid
    for pid in $SERVER_PIDS; do
        kill "$pid" 2>/dev/null || true
    done
    for ns in $NAMESPACES; do
        # What still runs in our own namespaces was started by us.
        for pid in $(ip netns pids "$ns" 2>/dev/null); do
            kill "$pid" 2>/dev/null || true
        done
        ip netns del "$ns" 2>/dev/null || true
        rm -rf "/etc/netns/$ns"
    done
    rmdir /etc/netns 2>/dev/null || true
}
