# One function per capture; sourced by `record`. A scenario either records the notebook's side of the router with
# `capture` (a pcap named after the scenario) or makes a capture out of earlier ones with `rewrite`.

SCENARIOS="dns https-allowed https-blocked http-allowed http-blocked lookalikes sni-mismatch ip-literal no-sni
    odd-ports tls12 tls13 ipv6 http-keepalive-two-hosts http-pipelined git pip npm node chromium-pq ssh
    not-tls-on-443 server-speaks-first ping reset half-open refused-port udp-fragments tcp-fragments
    tcp-fragments-hello ping-fragments lossy download midstream oneway vlan vxlan geneve two-interfaces
    sll sll2 snaplen truncated compressed-gz compressed-zst studio-session"

# A client may well fail (that is the scenario); what counts is what it sent.
try() { "$@" >>"$LAB/clients.log" 2>&1 </dev/null || true; }
fetch() { try notebook curl -sS -m 6 -o /dev/null "$@"; }
tls_probe() { try notebook timeout 4 openssl s_client -CAfile "$LAB/ca.pem" "$@"; }

CAPTURE_PID=
start_capture() { # start_capture NAMESPACE FILE TCPDUMP-ARGUMENT...
    local ns=$1 file=$2 log=$LAB/tcpdump.log _
    shift 2
    : >"$log"
    ip netns exec "$ns" tcpdump -Z root -n --immediate-mode -U -w "$file" "$@" 2>"$log" &
    CAPTURE_PID=$!
    for _ in $(seq 50); do
        grep -q "listening on" "$log" && return
        sleep 0.1
    done
    cat "$log" >&2
    return 1
}
stop_capture() {
    sleep 0.5
    kill -INT "$CAPTURE_PID"
    wait "$CAPTURE_PID" || true
}
capture() { # capture NAME FUNCTION: runs the function while the notebook's side of the router is recorded
    start_capture fd-router "$OUT/$1.pcap" -i r0 -s 0
    "$2"
    stop_capture
}
rewrite() { python3 "$RECORD_DIR/rewrite.py" "$@"; }

# ---- names and the web
scenario_dns() { capture dns traffic_dns; }
traffic_dns() {
    try notebook dig +tries=1 www.kaggle.com A
    try notebook dig +tries=1 ipv6.kaggle.com AAAA
    try notebook dig +tries=1 pypi.org A
    try notebook dig +tries=1 no-such-name.example A
    try notebook dig +tries=1 +noedns big.example.org TXT # truncated over UDP, again over TCP
    try notebook dig +tries=1 +tcp github.com A
    try notebook dig +tries=1 WWW.KAGGLE.COM A
}
scenario_https_allowed() { capture https-allowed traffic_https_allowed; }
traffic_https_allowed() {
    fetch https://www.kaggle.com/
    fetch https://api.sagemaker.us-east-1.amazonaws.com/
    fetch https://studio-data.s3.us-east-1.amazonaws.com/train.csv
    try notebook wget -q -O /dev/null --ca-certificate="$LAB/ca.pem" https://kaggle.com/
}
scenario_https_blocked() { capture https-blocked traffic_https_blocked; }
traffic_https_blocked() {
    fetch https://pypi.org/simple/
    fetch https://example.org/
    fetch https://storage.googleapis.com/kaggle-data-sets/x.zip
    try notebook wget -q -O /dev/null --ca-certificate="$LAB/ca.pem" https://www.example.org/
}
scenario_http_allowed() { capture http-allowed traffic_http_allowed; }
traffic_http_allowed() {
    fetch http://www.kaggle.com/
    fetch -d 'a=b' http://sts.us-east-1.amazonaws.com/
    try notebook wget -q -O /dev/null http://s3.us-east-1.amazonaws.com/
}
scenario_http_blocked() { capture http-blocked traffic_http_blocked; }
traffic_http_blocked() {
    fetch http://example.org/
    fetch -I http://pypi.org/
    try notebook wget -q -O /dev/null http://www.example.org/
}
scenario_lookalikes() { capture lookalikes traffic_lookalikes; }
traffic_lookalikes() {
    fetch https://notkaggle.com/
    fetch http://notkaggle.com/
    fetch https://kaggle.com.evil.example/
    fetch http://amazonaws.com.evil.example/
    fetch http://www.kaggle.com./
    fetch http://WWW.KAGGLE.COM/
    fetch -H 'Host: WWW.Kaggle.Com:80' http://www.kaggle.com/
    tls_probe -connect www.kaggle.com:443 -servername www.kaggle.com.
    tls_probe -connect www.kaggle.com:443 -servername WWW.KAGGLE.COM
}
scenario_sni_mismatch() { capture sni-mismatch traffic_sni_mismatch; }
traffic_sni_mismatch() { # the name says allowed, the address belongs to somebody else, and the reverse
    fetch --connect-to www.kaggle.com:443:evil:443 --resolve evil:443:203.0.113.66 https://www.kaggle.com/
    fetch --resolve www.kaggle.com:443:203.0.113.66 https://www.kaggle.com/
    fetch --resolve pypi.org:443:198.51.100.10 https://pypi.org/
    fetch -H 'Host: www.kaggle.com' http://203.0.113.66/
}
scenario_ip_literal() { capture ip-literal traffic_ip_literal; }
traffic_ip_literal() {
    fetch -k https://198.51.100.10/
    fetch http://198.51.100.10/
    fetch -k https://203.0.113.50/
    fetch http://203.0.113.50/
    fetch 'http://[2001:db8:113::50]/'
}
scenario_no_sni() { capture no-sni traffic_no_sni; }
traffic_no_sni() {
    tls_probe -connect 198.51.100.10:443 -noservername
    tls_probe -connect 203.0.113.50:443 -noservername -tls1_2
}
scenario_odd_ports() { capture odd-ports traffic_odd_ports; }
traffic_odd_ports() {
    fetch http://www.kaggle.com:8080/
    fetch http://example.org:8080/
    fetch https://www.kaggle.com:8443/
    fetch https://example.org:8443/
    fetch http://www.kaggle.com:443/ # plain HTTP to the TLS port
}
scenario_tls12() { capture tls12 traffic_tls12; }
traffic_tls12() {
    fetch --tls-max 1.2 https://www.kaggle.com/
    fetch --tls-max 1.2 https://example.org/
}
scenario_tls13() { capture tls13 traffic_tls13; }
traffic_tls13() {
    fetch --tlsv1.3 https://www.kaggle.com/
    fetch --tlsv1.3 https://example.org/
}
scenario_ipv6() { capture ipv6 traffic_ipv6; }
traffic_ipv6() {
    fetch https://ipv6.kaggle.com/
    fetch https://ipv6.example.org/
    fetch http://ipv6.kaggle.com/
    fetch http://ipv6.example.org/
    fetch -6 https://dual.kaggle.com/
    try notebook ping -6 -c 2 -i 0.2 2001:db8:100::10
}
scenario_http_keepalive_two_hosts() { capture http-keepalive-two-hosts traffic_two_hosts; }
traffic_two_hosts() {
    fetch -H 'Host: www.kaggle.com' http://198.51.100.10/ --next -sS -o /dev/null -H 'Host: example.org' http://198.51.100.10/
    fetch -H 'Host: example.org' http://203.0.113.50/ --next -sS -o /dev/null -H 'Host: www.kaggle.com' http://203.0.113.50/
}
scenario_http_pipelined() { capture http-pipelined traffic_pipelined; }
traffic_pipelined() {
    try notebook python3 "$RECORD_DIR/client.py" pipeline 198.51.100.10 80 \
        'GET /1 HTTP/1.1\r\nHost: www.kaggle.com\r\n\r\n' 'GET /2 HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n'
    try notebook python3 "$RECORD_DIR/client.py" pipeline 198.51.100.10 80 \
        'GET /1 HTTP/1.1\r\nHost: example.org\r\n\r\n' 'GET /2 HTTP/1.1\r\nHost: www.kaggle.com\r\nConnection: close\r\n\r\n'
}

# ---- programs a notebook runs
scenario_git() { capture git traffic_git; }
traffic_git() {
    rm -rf "$LAB/clone"
    try notebook git clone -q https://github.com/lab/tiny.git "$LAB/clone"
}
scenario_pip() { capture pip traffic_pip; }
traffic_pip() {
    try notebook python3 -m pip download -q --isolated --disable-pip-version-check --no-cache-dir --no-deps --retries 0 \
        --cert "$LAB/ca.pem" -d "$LAB/wheels" --index-url https://pypi.org/simple tinypkg
}
scenario_npm() { capture npm traffic_npm; }
traffic_npm() {
    rm -rf "$LAB/npm" && mkdir -p "$LAB/npm"
    try notebook npm pack --silent --no-update-notifier --fetch-retries 0 --cafile "$LAB/ca.pem" \
        --cache "$LAB/npm/cache" --pack-destination "$LAB/npm" \
        --registry https://registry.npmjs.org tinypkg
}
scenario_node() { capture node traffic_node; }
traffic_node() {
    try notebook node -e 'fetch("https://www.kaggle.com/").then(r => r.text()).then(() => process.exit())'
    try notebook node -e 'require("https").get("https://example.org/", r => r.resume())'
}
scenario_chromium_pq() { capture chromium-pq traffic_chromium; }
browse() {
    rm -rf "$LAB/profile"
    try notebook timeout 25 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --no-proxy-server \
        --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
        --ignore-certificate-errors --user-data-dir="$LAB/profile" --dump-dom "$1"
}
traffic_chromium() {
    browse https://www.kaggle.com/
    browse https://example.org/
}
scenario_ssh() { capture ssh traffic_ssh; }
connect_ssh() {
    try notebook timeout 8 ssh -q -F none -i "$LAB/user_key" -o BatchMode=yes -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile=/dev/null -p "$1" "root@$SSH_SERVER" true
}
traffic_ssh() {
    connect_ssh 22
    connect_ssh 443
}

# ---- things that are not what the port says, and connections that go wrong
scenario_not_tls_on_443() { capture not-tls-on-443 traffic_not_tls; }
traffic_not_tls() {
    try notebook python3 "$RECORD_DIR/client.py" send "$ECHO_SERVER" 443 'MUX/1 open channel\n' '\x00\x01\x02\x03' 'more of it\n' \
        '\xff\xfe\xfd' 'bye\n'
}
scenario_server_speaks_first() { capture server-speaks-first traffic_server_first; }
traffic_server_first() {
    try notebook python3 "$RECORD_DIR/client.py" listen "$ECHO_SERVER" 4430 'HELO notebook\r\n' 'QUIT\r\n'
}
scenario_ping() { capture ping traffic_ping; }
traffic_ping() {
    try notebook ping -c 3 -i 0.2 198.51.100.10
    try notebook ping -c 1 -W 1 "$SILENT_SERVER"
    try notebook ping -c 2 -i 0.2 -t 1 203.0.113.50 # the router's "time exceeded"
}
scenario_reset() { capture reset traffic_reset; }
traffic_reset() {
    try notebook python3 "$RECORD_DIR/client.py" send "$ECHO_SERVER" 4431 'GET / HTTP/1.1\r\nHost: www.kaggle.com\r\n\r\n'
    try notebook python3 "$RECORD_DIR/client.py" send "$ECHO_SERVER" 4431 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'
}
scenario_half_open() { capture half-open traffic_half_open; }
traffic_half_open() { fetch -m 4 "https://$SILENT_SERVER/"; }
scenario_refused_port() { capture refused-port traffic_refused; }
traffic_refused() {
    fetch http://www.kaggle.com:81/
    try notebook timeout 2 python3 "$RECORD_DIR/client.py" datagram "$ECHO_SERVER" 9998 20 # ICMP port unreachable
}

# ---- fragments
scenario_udp_fragments() { capture udp-fragments traffic_udp_fragments; }
traffic_udp_fragments() {
    try notebook python3 "$RECORD_DIR/client.py" datagram "$ECHO_SERVER" 9999 4000
    try notebook dig +tries=1 +bufsize=4096 +ignore big.example.org TXT
}
# A locked MTU on a route means: never set DF. What is too long for the next link is then cut by the router.
scenario_tcp_fragments() { # the answers arrive in fragments
    ip -n fd-notebook route replace default via 10.2.1.1 mtu lock 600 advmss 1460
    ip -n fd-internet route replace 10.2.0.0/16 via 192.168.255.1 mtu lock 1500
    ip -n fd-router link set r0 mtu 600
    capture tcp-fragments traffic_tcp_fragments
    ip -n fd-router link set r0 mtu 1500
    router_ipv6
    ip -n fd-internet route replace 10.2.0.0/16 via 192.168.255.1
    ip -n fd-notebook route replace default via 10.2.1.1
}
scenario_tcp_fragments_hello() { # the requests leave the router in fragments; recorded behind it
    ip -n fd-notebook route replace default via 10.2.1.1 mtu lock 1500
    ip -n fd-internet route replace 10.2.0.0/16 via 192.168.255.1 mtu lock 300 advmss 1460
    ip -n fd-router link set r1 mtu 300
    start_capture fd-router "$OUT/tcp-fragments-hello.pcap" -i r1 -s 0
    traffic_tcp_fragments
    fetch -A "$(printf '%0400d' 0)" http://www.kaggle.com/
    stop_capture
    ip -n fd-router link set r1 mtu 1500
    router_ipv6
    ip -n fd-internet route replace 10.2.0.0/16 via 192.168.255.1
    ip -n fd-notebook route replace default via 10.2.1.1
}
traffic_tcp_fragments() {
    fetch https://www.kaggle.com/
    fetch http://example.org/
}
scenario_ping_fragments() { capture ping-fragments traffic_ping_fragments; }
traffic_ping_fragments() { try notebook ping -c 2 -i 0.2 -s 3000 198.51.100.10; }

# ---- a bad line
scenario_lossy() {
    local inside outside router_pid
    inside=$(ip netns exec fd-notebook cat /sys/class/net/eth0/address)
    outside=$(ip netns exec fd-internet cat /sys/class/net/eth0/address)
    ip netns exec fd-router sysctl -qw net.ipv4.ip_forward=0
    ip netns exec fd-router python3 "$RECORD_DIR/lossy_router.py" r0 "$inside" r1 "$outside" 7 &
    router_pid=$!
    sleep 0.3
    capture lossy traffic_lossy
    kill "$router_pid"
    wait "$router_pid" 2>/dev/null || true
    ip netns exec fd-router sysctl -qw net.ipv4.ip_forward=1
}
traffic_lossy() {
    local _
    for _ in 1 2 3; do
        fetch -m 15 --resolve www.kaggle.com:443:198.51.100.10 https://www.kaggle.com/
        fetch -m 15 --resolve example.org:443:203.0.113.50 https://example.org/
        fetch -m 15 --resolve example.org:80:203.0.113.50 http://example.org/
    done
}

# ---- made from other captures
scenario_download() { capture download traffic_download; }
traffic_download() { # several requests on one TLS connection and on one plain connection
    fetch https://www.kaggle.com/1 -o /dev/null https://www.kaggle.com/2 -o /dev/null https://www.kaggle.com/3 -o /dev/null
    fetch http://example.org/1 -o /dev/null http://example.org/2 -o /dev/null http://example.org/3 -o /dev/null
}
scenario_midstream() { rewrite skip 12 "$OUT/download.pcap" "$OUT/midstream.pcap"; }
scenario_oneway() { rewrite oneway 10.2.1.10 "$OUT/https-allowed.pcap" "$OUT/oneway.pcap"; }
scenario_vlan() { rewrite vlan "$OUT/https-blocked.pcap" "$OUT/vlan.pcap"; }
scenario_vxlan() { rewrite vxlan "$OUT/https-blocked.pcap" "$OUT/vxlan.pcap"; }
scenario_geneve() { rewrite geneve "$OUT/https-blocked.pcap" "$OUT/geneve.pcap"; }
scenario_truncated() { rewrite chop 21 "$OUT/http-blocked.pcap" "$OUT/truncated.pcap"; }
scenario_compressed_gz() { gzip -9n <"$OUT/https-allowed.pcap" >"$OUT/compressed-gz.pcap.gz"; }
scenario_compressed_zst() { zstd -q -19 -f "$OUT/https-allowed.pcap" -o "$OUT/compressed-zst.pcap.zst"; }

# ---- other file formats and link types
scenario_two_interfaces() {
    local pid log=$LAB/dumpcap.log _
    ip netns exec fd-router dumpcap -q -i r0 -i r2 -w "$LAB/two.pcapng" 2>"$log" &
    pid=$!
    for _ in $(seq 50); do
        grep -q "Capturing on" "$log" && break
        sleep 0.1
    done
    sleep 0.5
    fetch https://www.kaggle.com/
    try job curl -sS -m 6 -o /dev/null https://example.org/
    try job curl -sS -m 6 -o /dev/null http://www.kaggle.com/
    sleep 1
    kill -INT "$pid"
    wait "$pid" || true
    cp "$LAB/two.pcapng" "$OUT/two-interfaces.pcapng"
}
traffic_cooked() {
    fetch https://www.kaggle.com/
    fetch http://example.org/
}
scenario_sll() {
    start_capture fd-notebook "$OUT/sll.pcap" -i any -y LINUX_SLL -s 0
    traffic_cooked
    stop_capture
}
scenario_sll2() {
    start_capture fd-notebook "$OUT/sll2.pcap" -i any -y LINUX_SLL2 -s 0
    traffic_cooked
    stop_capture
}
scenario_snaplen() {
    start_capture fd-router "$OUT/snaplen.pcap" -i r0 -s 96
    traffic_cooked
    stop_capture
}

# ---- everything a notebook did in one sitting
scenario_studio_session() { capture studio-session traffic_session; }
traffic_session() {
    fetch https://www.kaggle.com/
    fetch https://api.sagemaker.us-east-1.amazonaws.com/
    fetch https://studio-data.s3.us-east-1.amazonaws.com/train.csv
    fetch http://www.kaggle.com/
    fetch http://sts.us-east-1.amazonaws.com/
    traffic_pip
    traffic_git
    traffic_npm
    fetch https://storage.googleapis.com/kaggle-data-sets/x.zip
    fetch http://example.org/
    fetch https://notkaggle.com/
    fetch https://kaggle.com.evil.example/
    fetch -k https://203.0.113.50/
    tls_probe -connect 203.0.113.50:443 -noservername
    fetch http://example.org:8080/
    fetch https://www.kaggle.com:8443/
    traffic_two_hosts
    connect_ssh 22
    traffic_not_tls
    try notebook ping -c 2 -i 0.2 198.51.100.10
    traffic_udp_fragments
    browse https://www.kaggle.com/
    browse https://example.org/
    fetch https://ipv6.kaggle.com/
    fetch https://ipv6.example.org/
    traffic_reset
}
