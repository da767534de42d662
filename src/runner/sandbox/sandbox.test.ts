import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { bwrapArguments, bwrapOptions, environmentBlock } from './bwrap.ts'
import type { SandboxPlan } from './plan.ts'
import { roleOf } from '../role-facts.fixture.ts'
import { limitsOf } from './limits/index.ts'
import { openBench, temporaryFolder } from './sandbox.fixture.ts'

/** The pids of this machine whose command line holds the text. */
function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text)
      } catch {
        return false
      }
    })
    .map(Number)
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((next) => setTimeout(next, 5))
}

test('exit codes come through, and signals as a shell reports them', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  for (const code of [0, 1, 125, 200, 255]) assert.equal((await bench.sh(`exit ${code}`)).code, code)
  for (const [name, code] of [
    ['TERM', 143],
    ['KILL', 137],
    ['SEGV', 139],
  ] as const)
    assert.equal((await bench.sh(`kill -${name} $$`)).code, code)
})

test('a command that is not there is 127, one that cannot run is 126, and both say so', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const missing = await bench.run(['/no/such/program'])
  assert.equal(missing.code, 127)
  assert.match(missing.stderr, /cannot run \/no\/such\/program: No such file/)
  writeFileSync(join(bench.workspace, 'plain'), 'no program', { mode: 0o644 })
  const plain = await bench.run(['./plain'])
  assert.equal(plain.code, 126)
  assert.match(plain.stderr, /Permission denied/)
})

test('arguments arrive as they are, and no shell reads them', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const args = ['a b', '$HOME', '`id`', '', '-e', '--', '\n', "'", 'é\u{1f41b}']
  const { stdout } = await bench.run(['/usr/bin/perl', '-e', 'print join("|", @ARGV)', '--', ...args])
  assert.equal(stdout, args.join('|'))
})

test('tools change their settings, in a folder that is the step’s alone', async (t) => {
  const settings = [{ name: 'kubeconfig', text: 'as it was' }]
  const bench = await openBench(t, temporaryFolder(t), {}, { settings })
  if (bench === undefined) return
  const at = '/run/mayfly/settings/kubeconfig'
  const ran = await bench.sh(`cat ${at} && echo changed >${at}.lock && mv ${at}.lock ${at} && cat ${at}`)
  assert.deepEqual([ran.code, ran.stdout], [0, 'as it waschanged\n'], ran.stderr)
  assert.equal((await bench.sh(`cat ${at}`)).stdout, 'as it was')
})

test('the environment holds what was given and nothing else', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  process.env['MAYFLY_TEST_SUPERVISOR'] = 'the supervisor’s own'
  t.after(() => delete process.env['MAYFLY_TEST_SUPERVISOR'])
  const env = { A: 'one', B: 'two words', EMPTY: '', UMLAUT: 'ä', LINES: 'a\nb' }
  const { stdout } = await bench.run(['/usr/bin/env', '-0'], env)
  const seen = Object.fromEntries(
    stdout
      .split('\0')
      .filter(Boolean)
      .map((line) => line.split(/=(.*)/s).slice(0, 2)),
  )
  const { PWD: _pwd, ...rest } = seen
  assert.deepEqual(rest, { PATH: '/usr/bin:/bin', ...env })
})

const openDescriptors =
  'opendir(my $d, "/proc/self/fd"); my @n = grep { /^\\d+$/ && $_ != fileno($d) } readdir $d; print join(" ", sort @n)'

// Was so once: what the supervisor itself inherited (a runner agent's log, socket or folder) goes on into the sandbox: with a
// folder's descriptor the step is out of it by `openat`. Here perl leaves `/` open, as an agent might.
test('no file descriptor is open but 0, 1 and 2, whatever the supervisor inherited', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const request = {
    workspace: bench.workspace,
    tools: [],
    env: {},
    command: ['/usr/bin/perl', '-e', openDescriptors],
    caCertificate: '',
    covers: [],
    withStdin: false,
    limits: limitsOf(roleOf('build').limits),
    ...bench.probe,
    network: bench.probe.network,
    doors: { places: ['127.0.0.1:3128'], hosts: '' },
  }
  const script = `import { startSandbox } from ${JSON.stringify(new URL('sandbox.ts', import.meta.url).href)}
    const sandbox = startSandbox(${JSON.stringify(request)})
    sandbox.onListener((listener) => listener.close())
    sandbox.stdout.pipe(process.stdout)
    sandbox.stderr.pipe(process.stderr)
    await sandbox.exit`
  // Node closes low descriptors at its own start, and stops looking at the first gap.
  const agent = 'use POSIX; open(my $d, "<", "/"); POSIX::dup2(fileno($d), 60); exec @ARGV'
  const seen = execFileSync(
    '/usr/bin/perl',
    ['-e', agent, process.execPath, '--input-type=module', '-e', script],
    { encoding: 'utf8' },
  )
  assert.equal(seen, '0 1 2')
})

test('a script writes to /dev/stdout and /dev/stderr by name', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const ran = await bench.sh(
    'echo one > /dev/stdout; echo two > /dev/stderr; echo three | tee /dev/stderr; echo four >> /proc/self/fd/2',
  )
  assert.deepEqual(ran, { code: 0, stdout: 'one\nthree\n', stderr: 'two\nthree\nfour\n' })
})

test('no other process is visible, and none of the machine’s', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { stdout } = await bench.run([
    '/usr/bin/perl',
    '-e',
    'print join(" ", grep { /^\\d+$/ } map { m{/proc/(.*)} } glob "/proc/*")',
  ])
  const pids = stdout.split(' ').map(Number)
  assert.ok(pids.length <= 3 && Math.max(...pids) < 20, `it sees ${stdout}`)
  const parent = await bench.sh(`kill -0 ${process.pid} && echo reached`)
  assert.equal(parent.stdout, '')
})

test('no capability is held or can be had, by the step or by pid 1', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { stdout } = await bench.sh('cat /proc/self/status /proc/1/status')
  const sets = [...stdout.matchAll(/^Cap(?:Inh|Prm|Eff|Bnd|Amb):\s*([0-9a-f]+)$/gm)].map((one) => one[1])
  assert.equal(sets.length, 10)
  for (const set of sets) assert.match(set ?? '', /^0+$/)
  assert.equal([...stdout.matchAll(/^NoNewPrivs:\s*1$/gm)].length, 2)
  assert.equal([...stdout.matchAll(/^Seccomp:\s*2$/gm)].length, 2)
})

test('the machine’s files are absent', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const places = [
    '/root',
    '/etc/shadow',
    '/etc/ssh',
    '/etc/machine-id',
    '/etc/resolv.conf',
    '/var/lib',
    '/var/run',
    '/run/docker.sock',
    '/var/run/docker.sock',
    '/run/dbus',
    '/sys',
    '/boot',
    '/mnt',
    '/work',
    '/proc/1/root/root',
  ]
  const { stdout } = await bench.sh(
    `for f in ${places.join(' ')}; do [ -e $f ] && echo $f; done; ls -A /home /run /tmp /var /home/step`,
  )
  const seen = stdout.split('\n').filter((line) => places.includes(line))
  assert.deepEqual(seen, [])
  // Of /tmp only the mount point of a workspace in it.
  const listing = stdout
    .replaceAll(/^\/.*:$/gm, '')
    .split(/\s+/)
    .filter(Boolean)
  const workspaceNames = bench.workspace.split('/')
  assert.deepEqual(
    listing.filter((name) => !['step', 'mayfly', 'tmp', ...workspaceNames].includes(name)),
    [],
  )
})

test('what is not the step’s own is read-only', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { stdout } = await bench.sh(
    'for f in /usr /usr/bin /opt /etc/ssl/certs /etc/alternatives /run/mayfly/ca.pem /etc/passwd /etc/hosts; do [ -e $f ] && [ -w $f ] && echo $f; done; echo x > ./mine && echo y > /tmp/mine && echo z > ~/mine && echo written',
    { HOME: '/home/step' },
  )
  assert.equal(stdout, 'written\n')
})

// Was so once: with a supervisor that is root, the step's uid is the machine's root and /proc/sys is its own: `kernel.core_pattern`
// names a program that the kernel starts as root, outside of every namespace, when a process of the step crashes.
// The files are only opened here; nothing is written.
test('the kernel’s settings cannot be opened for writing, whoever the supervisor is', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const script = 'for my $f (@ARGV) { print "$f\\n" if open(my $h, "+<", $f) }'
  const knobs = [
    'kernel/core_pattern',
    'kernel/modprobe',
    'kernel/hotplug',
    'kernel/poweroff_cmd',
    'kernel/panic',
    'fs/binfmt_misc/register',
    'vm/overcommit_memory',
  ].map((name) => `/proc/sys/${name}`)
  const { stdout } = await bench.run([
    '/usr/bin/perl',
    '-e',
    script,
    ...knobs,
    '/proc/sysrq-trigger',
    '/proc/kcore',
    '/dev/mem',
    '/dev/kmsg',
  ])
  assert.equal(stdout, '')
})

test('the network has only lo, and nothing of the machine answers', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const server = createServer((socket) => socket.end('the machine')).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await until(() => server.listening)
  const { port } = server.address() as { port: number }
  const { stdout } = await bench.sh(
    `cat /proc/net/dev /proc/net/route; perl -MSocket -e 'socket(my $s, PF_INET, SOCK_STREAM, 6); print "connected\\n" if connect($s, sockaddr_in(${port}, INADDR_LOOPBACK)); socket(my $d, PF_INET, SOCK_DGRAM, 17); print "routed\\n" if connect($d, sockaddr_in(53, inet_aton("1.1.1.1")))'`,
  )
  const interfaces = [...stdout.matchAll(/^\s*(\S+):/gm)].map((one) => one[1])
  assert.deepEqual(interfaces, ['lo'])
  assert.doesNotMatch(stdout, /connected|routed/)
})

test('abstract unix sockets of the machine are not there', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const name = `mayfly-test-${process.pid}`
  const server = createServer((socket) => socket.on('error', () => undefined).resume()).listen(`\0${name}`)
  t.after(() => server.close())
  await until(() => server.listening)
  const script = `use Socket; socket(my $s, PF_UNIX, SOCK_STREAM, 0); print connect($s, pack("S a*", 1, "\\0${name}")) ? "connected" : "refused"`
  // The same lines do reach it from outside: what fails inside fails for the sandbox's sake.
  const outside = execFileSync('/usr/bin/perl', ['-e', script], { encoding: 'utf8' })
  const inside = await bench.run(['/usr/bin/perl', '-e', script])
  assert.deepEqual([outside, inside.stdout], ['connected', 'refused'])
})

test('the supervisor gets the proxy’s listener, and what the step sends there', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  let heard = ''
  const sandbox = bench.start(
    [
      '/usr/bin/perl',
      '-MIO::Socket::INET',
      '-e',
      'my $s = IO::Socket::INET->new("127.0.0.1:3128") or die; print $s "hello"; shutdown($s, 1); print <$s>',
    ],
    {},
    (listener) => {
      t.after(() => listener.close())
      listener.on('connection', (socket) =>
        socket
          .setEncoding('utf8')
          .on('data', (chunk: string) => (heard += chunk))
          .on('end', () => socket.end('welcome')),
      )
    },
  )
  let said = ''
  sandbox.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  assert.equal(await sandbox.exit, 0)
  assert.deepEqual([heard, said], ['hello', 'welcome'])
})

test('kill ends every process, those that left the session too', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const mark = `${process.pid}77777`
  const sandbox = bench.start([
    '/bin/sh',
    '-c',
    `for i in 1 2 3 4 5; do setsid sh -c 'setsid sleep ${mark} & sleep ${mark}' & done; echo up; wait`,
  ])
  sandbox.stdout.resume()
  await until(() => processesWith(`sleep\0${mark}\0`).length === 10)
  sandbox.kill()
  assert.equal(await sandbox.exit, 137)
  await until(() => processesWith(mark).length === 0)
})

// Was so once: bwrap sets PR_SET_PDEATHSIG late, so a kill in its first milliseconds leaves the step running unsupervised, or
// bwrap's child waiting for ever and `exit` with it.
test('kill holds at every moment of the start', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const survivors: string[] = []
  for (let i = 0; i < 16; i++) {
    const ran = join(bench.workspace, `ran-${i}`)
    const sandbox = bench.start(['/bin/sh', '-c', `sleep 0.1; echo > ${ran}; sleep 1000`])
    sandbox.stdout.resume()
    sandbox.stderr.resume()
    await new Promise((next) => setTimeout(next, i))
    sandbox.kill()
    const guard = AbortSignal.timeout(2000)
    const ended = await Promise.race([
      sandbox.exit.then(() => true),
      new Promise<false>((give) => guard.addEventListener('abort', () => give(false))),
    ])
    if (ended) continue
    survivors.push(`${i} ms: ${existsSync(ran) ? 'the command runs' : 'bwrap waits'}`)
    for (const pid of processesWith(ran)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It went with its parent.
      }
    }
    await sandbox.exit
  }
  assert.deepEqual(survivors, [])
})

test('what the command leaves behind ends with it', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const mark = `${process.pid}88888`
  const { code } = await bench.sh(`setsid sleep ${mark} >/dev/null 2>&1 </dev/null & exit 3`)
  assert.equal(code, 3)
  await until(() => processesWith(mark).length === 0)
})

test('the command line that the machine sees shows no value of the environment', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const value = `value-of-${process.pid}`
  const mark = `${process.pid}99999`
  const sandbox = bench.start(['/bin/sh', '-c', 'echo up; exec sleep "$1"', 'sh', mark], { NAME: value })
  sandbox.stderr.resume()
  await new Promise((up) => sandbox.stdout.once('data', up))
  assert.ok(processesWith(mark).length > 0)
  assert.deepEqual(processesWith(value), [])
  sandbox.kill()
  await sandbox.exit
})

test('the files made for a step are gone when it ends', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const folder = temporaryFolder(t)
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = folder
  t.after(() => (before === undefined ? delete process.env['TMPDIR'] : (process.env['TMPDIR'] = before)))
  const { stdout } = await bench.sh('cat /run/mayfly/ca.pem; tail -n 2 /run/mayfly/ca-bundle.pem')
  assert.equal(stdout, 'run CA\nrun CA\n\n')
  assert.deepEqual(readdirSync(folder), [])
})

const protectedPaths = [
  '.git/config',
  '.git/hooks/pre-commit',
  '.github/workflows/ci.yml',
  '.gitlab-ci.yml',
  '.mayfly/pipeline.yaml',
]

function writeProtected(workspace: string): void {
  for (const folder of ['.git/hooks', '.github/workflows', '.mayfly'])
    mkdirSync(join(workspace, folder), { recursive: true })
  for (const path of protectedPaths) writeFileSync(join(workspace, path), 'as it was\n')
}

test('what the next step would run cannot be written, unlinked or renamed where it stands', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  writeProtected(bench.workspace)
  const tries = protectedPaths.map(
    (path) => `echo evil > ${path}; rm -rf ${path}; echo evil > n && mv -f n ${path}; ln -sf /tmp/x ${path}`,
  )
  await bench.sh(
    `${tries.join('; ')}; echo evil > .git/hooks/post-checkout; mv .git/hooks .git/h; mv .git/config .git/c; mv .mayfly m`,
  )
  for (const path of protectedPaths)
    assert.equal(readFileSync(join(bench.workspace, path), 'utf8'), 'as it was\n', path)
  assert.deepEqual(readdirSync(join(bench.workspace, '.git/hooks')), ['pre-commit'])
})

// Was so once: the folder above a protected path is no mount point, so it can be renamed and made anew.
test('the folder around what is protected cannot be replaced', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  writeProtected(bench.workspace)
  await bench.sh(
    'for f in .git .github; do mv $f $f.old; done; mkdir -p .git/hooks .github/workflows; for f in .git/config .git/hooks/pre-commit .github/workflows/ci.yml; do echo evil > $f; done',
  )
  for (const path of protectedPaths)
    assert.equal(readFileSync(join(bench.workspace, path), 'utf8'), 'as it was\n', path)
})

// Was so once: a `commondir` file sends git to another folder's config and hooks (gitrepository-layout).
test('a step cannot give the repository another config by .git/commondir', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: bench.workspace,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: bench.workspace, GIT_CONFIG_SYSTEM: '/dev/null' },
    })
  git('init', '-q')
  git('config', 'mayfly.test', 'as it was')
  await bench.sh(
    'cp -r .git .evil; perl -pi -e "s/as it was/evil/" .evil/config; echo ../.evil > .git/commondir',
  )
  assert.equal(git('config', '--get', 'mayfly.test').trim(), 'as it was')
})

test('a link in place of .git, its config or its hooks is not followed', async (t) => {
  const outside = temporaryFolder(t)
  mkdirSync(join(outside, 'hooks'))
  writeFileSync(join(outside, 'config'), 'a file of the machine')
  const layouts: Record<string, (workspace: string) => void> = {
    '.git': (workspace) => symlinkSync(outside, join(workspace, '.git')),
    '.git/config': (workspace) => {
      mkdirSync(join(workspace, '.git'))
      symlinkSync(join(outside, 'config'), join(workspace, '.git/config'))
    },
    '.git/hooks': (workspace) => {
      mkdirSync(join(workspace, '.git'))
      symlinkSync(join(outside, 'hooks'), join(workspace, '.git/hooks'))
    },
    '.mayfly': (workspace) => symlinkSync(outside, join(workspace, '.mayfly')),
  }
  for (const [name, lay] of Object.entries(layouts)) {
    const bench = await openBench(t)
    if (bench === undefined) return
    lay(bench.workspace)
    const { stdout, code } = await bench.sh('cat .git/config .git/hooks/* .mayfly/config 2>/dev/null; true')
    assert.deepEqual([code, stdout], [0, ''], name)
  }
})

// Was so once: `env:` of a pipeline file may hold "\0", which ends an option of bwrap --args: what follows is the next option.
test('a NUL in a variable adds no option to bwrap', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const outside = temporaryFolder(t)
  writeFileSync(join(outside, 'file'), 'a file of the machine')
  for (const env of [
    { A: `x\0--ro-bind\0${outside}\0/mnt` },
    { [`A\0x\0--ro-bind\0${outside}\0/mnt\0--setenv\0B`]: 'y' },
  ]) {
    let stdout = ''
    try {
      ;({ stdout } = await bench.sh('cat /mnt/file', env))
    } catch {
      // Refusing to start is as good.
    }
    assert.equal(stdout, '')
  }
})

// Was so once: bwrap sets the step's variables for the init script too, and perl reads PERL5OPT and PERL5LIB.
test('no variable of the step reaches into the init script', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  writeFileSync(
    join(bench.workspace, 'Evil.pm'),
    'package Evil; print -e "/proc/self/fd/3" ? "it has the supervisor’s channel\n" : "no channel\n"; 1',
  )
  const { stdout } = await bench.sh('true', { PERL5OPT: '-MEvil', PERL5LIB: bench.workspace })
  assert.equal(stdout, '')
})

test('neither the options nor the arguments of bwrap hold the environment, which goes to the command alone', () => {
  const plan: SandboxPlan = {
    workspace: '/nonexistent/workspace',
    workspaceInside: '/nonexistent/inside',
    covers: [],
    handed: [],
    folders: [],
    credentials: undefined,
    protections: undefined,
    files: '/nonexistent/files',
    tools: ['/nonexistent/tool'],
    javaTrust: [],
    command: ['run', 'it'],
    channelFd: 3,
    seccompFd: 4,
    optionsFd: 5,
    environmentFd: 6,
    joinFds: [],
    landlock: [],
    nesting: false,
    user: { uid: 1000, gid: 1000 },
    processLimits: [],
    memoryFolderBytes: undefined,
    disableUserns: false,
    ownProcesses: true,
    sizedFolders: true,
    ownHostName: true,
    network: 'bwrap',
  }
  const options = bwrapOptions(plan).toString().split('\0')
  for (const flag of [
    '--unshare-user',
    '--unshare-pid',
    '--unshare-net',
    '--unshare-ipc',
    '--clearenv',
    '--new-session',
    '--die-with-parent',
  ])
    assert.ok(options.includes(flag), flag)
  for (const flag of ['--disable-userns', '--share-net', '--setenv']) assert.ok(!options.includes(flag), flag)
  const binds = options.flatMap((option, i) => (option === '--bind' ? [options[i + 1]] : []))
  assert.deepEqual(binds, ['/nonexistent/files/settings', '/nonexistent/workspace'])
  assert.deepEqual(bwrapArguments(plan).slice(-2), ['run', 'it'])
  assert.equal(
    environmentBlock({ NAME: 'the value', OTHER: 'a=b' }).toString(),
    'NAME=the value\0OTHER=a=b\0',
  )
})

test('a bwrap that is not there is an error, and nothing is left of it', async (t) => {
  const { startSandbox } = await import('./index.ts')
  const workspace = temporaryFolder(t)
  const folder = temporaryFolder(t)
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = folder
  t.after(() => (before === undefined ? delete process.env['TMPDIR'] : (process.env['TMPDIR'] = before)))
  const start = () =>
    startSandbox({
      workspace,
      tools: [],
      env: {},
      command: ['true'],
      caCertificate: '',
      covers: [],
      withStdin: false,
      limits: limitsOf(roleOf('build').limits),
      bwrap: '/no/bwrap',
      disableUserns: true,
      ownProcesses: true,
      sizedFolders: true,
      ownHostName: true,
      network: 'guard',
      doors: { places: [], hosts: '' },
    })
  assert.throws(start, { code: 'ENOENT' })
  assert.deepEqual(readdirSync(folder), [])
  assert.ok(existsSync(workspace))
})

test('a workspace that stands elsewhere outside is at its place inside, with what is protected in it', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  mkdirSync(join(bench.workspace, '.git'))
  writeFileSync(join(bench.workspace, '.git/config'), '[core]\n')
  const { stdout } = await bench.sh(
    'pwd; echo x > made; echo y > .git/config; cat .git/config; ls /',
    {},
    '/builds/app',
  )
  assert.match(stdout, /^\/builds\/app\n\[core\]\n/)
  assert.equal(readFileSync(join(bench.workspace, 'made'), 'utf8'), 'x\n')
})
