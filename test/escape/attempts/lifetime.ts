import { existsSync, lstatSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attempt, Ground } from '../attempt.ts'

/** A loop that shows that it is there; outside it ends with its folder, or after a minute. */
const loop = (name: string) =>
  `for i in $(seq 1200); do [ -d "$workspace" ] || exit; echo $i > "$workspace/alive-${name}"; sleep 0.05; done`

async function stillWrites({ workspace }: Ground, name: string): Promise<string | undefined> {
  const look = () =>
    existsSync(join(workspace, `alive-${name}`)) ? statSync(join(workspace, `alive-${name}`)).mtimeMs : 0
  const first = look()
  await sleep(400)
  return look() === first ? undefined : 'it still runs after the end of the step'
}

function outlives(name: string, tries: string, start: string): Attempt {
  return {
    name: `outlives.${name}`,
    tries,
    language: 'sh',
    // It has begun before the step ends.
    program: `${start}\nfor i in $(seq 100); do [ -e "$workspace/alive-${name}" ] && held "it is looked at afterwards"; sleep 0.05; done`,
    control: 'machine',
    afterwards: (ground) => stillWrites(ground, name),
  }
}

/** The files that a runner of GitHub gives its steps, and what of them reaches the job. */
const githubFiles = ({ home }: Ground) =>
  Object.fromEntries(
    ['GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY'].map((name) => [
      name,
      join(home, name),
    ]),
  )

function unchangedSecret({ secretFile, secret }: Ground): string | undefined {
  return lstatSync(secretFile).isFile() && readFileSync(secretFile, 'utf8').includes(secret)
    ? undefined
    : 'the file of the machine was changed'
}

/** What is below a folder: the names of what is neither a file nor a folder, and whether the secret stands in a file. */
function oddities(folder: string, secret: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) return []
    if (!entry.isFile()) return [`${entry.name} is no file`]
    const { mode } = lstatSync(path)
    if ((mode & 0o6000) !== 0) return [`${entry.name} is set-id`]
    return readFileSync(path, 'latin1').includes(secret) ? [`${entry.name} holds the secret`] : []
  })
}

/** To be there after the end, and what the supervisor reads, writes or removes once the step has ended. */
export const lifetime: readonly Attempt[] = [
  outlives(
    'session',
    'starts a session of its own (setsid)',
    `workspace="$workspace" setsid sh -c '${loop('session')}' </dev/null >/dev/null 2>&1 &`,
  ),
  outlives(
    'daemon',
    'becomes a daemon by two forks',
    `(workspace="$workspace" setsid sh -c '(${loop('daemon')}) &' </dev/null >/dev/null 2>&1 &)`,
  ),
  outlives(
    'deaf',
    'ignores every signal that can be ignored',
    `workspace="$workspace" setsid sh -c 'trap "" TERM HUP INT QUIT USR1 USR2 PIPE ALRM; ${loop('deaf')}' </dev/null >/dev/null 2>&1 &`,
  ),
  outlives(
    'nohup',
    'is started by nohup, as the rogue runners of 2025 were',
    `cd "$workspace" && cat > runner.sh <<'END'\n${loop('nohup')}\nEND\nworkspace="$workspace" setsid nohup sh runner.sh </dev/null >/dev/null 2>&1 &`,
  ),
  outlives(
    'pipes',
    'keeps every descriptor that it was given',
    `workspace="$workspace" setsid sh -c '${loop('pipes')}' &`,
  ),
  {
    name: 'outlives.scheduled',
    tries: 'has a daemon of the machine start something later: at, cron, systemd-run, batch',
    language: 'sh',
    program:
      'mark="$workspace/scheduled"; echo "touch $mark" | at now 2>/dev/null && reached at; echo "* * * * * touch $mark" | crontab - 2>/dev/null && reached crontab; systemd-run --user touch "$mark" 2>/dev/null && reached systemd-run; for d in /etc/cron.d /var/spool/cron /etc/init.d /etc/systemd/system /usr/lib/systemd/system; do (: > $d/escape) 2>/dev/null && rm -f $d/escape && reached $d; done',
    control: 'root-machine',
  },
  {
    name: 'outlives.home',
    tries: 'leaves something in the home that the next login, shell or git reads',
    language: 'sh',
    program:
      'for f in .profile .bashrc .bash_profile .gitconfig .npmrc .ssh/authorized_keys .config/systemd/user/x.service; do mkdir -p "$HOME/$(dirname $f)" && echo escape > "$HOME/$f"; done; held "it is looked at afterwards"',
    control: 'machine',
    afterwards: ({ home }) => (existsSync(join(home, '.profile')) ? 'the home was written to' : undefined),
  },
  {
    name: 'end.exit-code',
    tries: 'ends the first process, or what waits for it, so that a failure looks like success',
    program: String.raw`kill('KILL', getppid) if getppid > 1; kill($_, 1) for qw(KILL TERM SEGV); open(my $f, '>', "/proc/1/fd/$_") and syswrite($f, "\1\0\0\0\0\0\0\0") for 3 .. 20; held('what the run says is looked at');`,
    control: { none: 'it would end the suite' },
    alone: true,
    ends: true,
  },
  {
    name: 'supervisor.lockfile-link',
    tries:
      'has the supervisor take a file of the machine for its lockfile, by a link that it swaps while it is read',
    program: String.raw`
      chdir $ground{workspace}; symlink($ground{other_lockfile}, 'lock-link'); open(my $f, '>', 'lock-file'); print $f '{"lockfileVersion":3,"packages":{"":{}}}'; close $f; symlink($ground{other_lockfile}, 'package-lock.json');
      my $swapper = fork; if (!$swapper) { my ($a, $b) = ("package-lock.json\0", "lock-link\0"); my $until = time + 3; while (time < $until) { call('renameat2', -100, $a, -100, $b, 2) } exit }
      for (1 .. 3) { my $got = qx(curl -sS -m 5 $ground{registry}/left-pad 2>&1); $got =~ /"versions"|dist-tags/ and kill('KILL', $swapper), reached('the package is allowed') } kill 'KILL', $swapper; held('refused');`,
    control: { none: 'nobody else reads it' },
    alone: true,
  },
  {
    name: 'supervisor.lockfile-odd',
    tries:
      'holds the supervisor up with a pipe, a folder, a device or a file without end in the place of its lockfile',
    program: String.raw`
      chdir $ground{workspace}; POSIX::mkfifo('package-lock.json', 0600); my $got = qx(curl -sS -m 10 $ground{registry}/left-pad 2>&1); $got =~ /timed out/i and reached('pipe'); unlink 'package-lock.json';
      symlink('/dev/zero', 'package-lock.json'); $got = qx(curl -sS -m 10 $ground{registry}/left-pad 2>&1); $got =~ /timed out/i and reached('device'); unlink 'package-lock.json';
      open(my $f, '>', 'package-lock.json'); $SIG{XFSZ} = 'IGNORE'; truncate($f, 2**31); $got = qx(curl -sS -m 10 $ground{registry}/left-pad 2>&1); $got =~ /timed out/i and reached('large file'); unlink 'package-lock.json'; held('answered');`,
    control: { none: 'nobody else reads it' },
    alone: true,
  },
  {
    name: 'supervisor.files-of-the-ci',
    tries: 'hands on what changes how later programs start, and files of the machine, by the files of its CI',
    language: 'sh',
    program:
      'for f in "$GITHUB_ENV" "$GITHUB_OUTPUT" "$GITHUB_PATH" "$GITHUB_STEP_SUMMARY"; do [ -n "$f" ] || continue; printf "LD_PRELOAD=%s/evil.so\\nNODE_OPTIONS=-r ./evil\\nBASH_ENV=./evil\\n" "$workspace" >> "$f"; echo "$workspace/bin" >> "$f"; done\nrm -f "$GITHUB_OUTPUT" "$GITHUB_STEP_SUMMARY" 2>/dev/null; ln -s "$secret_file" "$GITHUB_OUTPUT" 2>/dev/null; ln -s "$secret_file" "$GITHUB_STEP_SUMMARY" 2>/dev/null; held "it is looked at afterwards"',
    control: 'machine',
    variables: (ground) => ({ GITHUB_ACTIONS: 'true', ...githubFiles(ground) }),
    afterwards: (ground) => {
      const paths = Object.values(githubFiles(ground)).filter((path) => existsSync(path))
      const odd = paths.filter(
        (path) => !lstatSync(path).isFile() || readFileSync(path, 'utf8').includes(ground.secret),
      )
      if (odd.length > 0) return `${odd[0]} leads to the machine`
      const started = /^(?:LD_PRELOAD|NODE_OPTIONS|BASH_ENV)|\/bin$/m
      return paths.some((path) => /ENV$|PATH$/.test(path) && started.test(readFileSync(path, 'utf8')))
        ? 'it reached the job'
        : undefined
    },
  },
  {
    name: 'supervisor.dotenv-link',
    tries:
      'has the supervisor rewrite a file of the machine, by a link in the place of the file of variables that it checks',
    language: 'sh',
    program: 'cd "$workspace" && ln -s "$secret_file" build.env; held "it is looked at afterwards"',
    control: { none: 'nobody else rewrites it' },
    options: ['--dotenv', 'build.env'],
    afterwards: (ground) => unchangedSecret(ground),
  },
  {
    name: 'supervisor.dotenv-pipe',
    tries: 'holds the supervisor up with a pipe in its place',
    language: 'sh',
    program:
      'cd "$workspace" && rm -f build.env; mkfifo build.env; held "the run ends, or the suite does not"',
    control: { none: 'nobody else reads it' },
    options: ['--dotenv', 'build.env'],
  },
  {
    name: 'supervisor.cache',
    tries: 'puts links to the machine, pipes and set-id programs into a cache that later steps get',
    language: 'sh',
    program:
      'cd "$workspace/.cache/x" 2>/dev/null || reached "no cache: $workspace/.cache/x"; ln -s "$secret_file" link; ln -s / root; mkfifo pipe; cp /bin/true t; chmod 4755 t; ln "$secret_file" hard; mkdir -p a/b; ln -s ../../../../.. a/b/up; held "it is looked at afterwards"',
    control: { none: 'nobody else keeps it' },
    options: ['--cache', '.cache/x'],
    afterwards: ({ home, secret }) =>
      oddities(join(home, '.cache/mayfly'), secret).find(
        (what) => !/^(?:link|root|up|current) is no file/.test(what),
      ),
  },
  {
    name: 'supervisor.removal',
    tries:
      'has the supervisor remove or change files of the machine when it cleans up, by links in the workspace',
    language: 'sh',
    program:
      'cd "$workspace" && mkdir -p .cache lib && ln -s "$folder" .cache/x; ln -s "$folder" lib/.git; ln -s "$folder/secret" commondir; held "it is looked at afterwards"',
    control: { none: 'nobody else removes it' },
    options: ['--cache', '.cache/y'],
    afterwards: (ground) => unchangedSecret(ground),
  },
]
