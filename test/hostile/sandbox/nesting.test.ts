import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openBench, temporaryFolder, type Bench } from '../../../src/runner/sandbox/sandbox.fixture.ts'

/** In a folder that nobody else reaches: as root it runs nowhere else. */
const openNesting = (t: TestContext) => {
  const workspace = join(temporaryFolder(t), 'workspace')
  mkdirSync(workspace)
  return openBench(t, workspace, {}, { nesting: true })
}

test('a step that may nest is root of its own namespace, and of nothing else', async (t) => {
  const bench = await openNesting(t)
  if (bench === undefined) return
  const { stdout, stderr } = await bench.sh(
    'id -u; mkdir /tmp/m && mount -t tmpfs none /tmp/m && echo mounted; unshare -Ur true && echo nested; setpriv --groups 0 true && echo groups',
  )
  assert.equal(stdout, '0\nmounted\nnested\ngroups\n', stderr)
})

// /proc/sys of the machine is the supervisor's to write if that is root: a fresh /proc would show it.
test('what is mounted stays as it is, and nothing of the kernel’s can be mounted anew', async (t) => {
  const bench = await openNesting(t)
  if (bench === undefined) return
  const attempts = [
    'mount -o remount,rw,bind /usr',
    'mount -o remount,rw,bind /proc/sys',
    'umount /proc/sys',
    'umount /proc/sysrq-trigger',
    'umount -l /usr',
    'mount -t proc proc /tmp/m',
    'unshare -fp mount -t proc proc /tmp/m',
    'unshare -fpr mount -t proc proc /tmp/m',
    'mount -t sysfs sysfs /tmp/m',
    'mount -t cgroup2 none /tmp/m',
    'mount -t cgroup -o memory none /tmp/m',
    'unshare -C true',
    'unshare -rC true',
    'unshare -rmC mount -t cgroup2 none /tmp/m',
    'mount -t devtmpfs none /tmp/m',
    'mount -t debugfs none /tmp/m',
    'mount -t securityfs none /tmp/m',
    'mknod /tmp/sda b 8 0',
    'mknod -m 666 /tmp/null c 1 3',
    'ip link add x type dummy',
    'ip addr add 10.0.0.1/8 dev lo',
  ]
  const script = attempts.map((attempt) => `${attempt} >/dev/null 2>&1 && echo "${attempt}"`).join('\n')
  const { stdout } = await bench.sh(`mkdir /tmp/m\n${script}\necho tried`)
  assert.equal(stdout, 'tried\n')
  const knobs = await bench.sh(
    'for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger; do (: >> $f) 2>/dev/null && echo $f; done; cat /proc/net/dev | tail -n +3 | cut -d: -f1; cat /proc/net/route | tail -n +2',
  )
  assert.deepEqual(knobs.stdout.trim(), 'lo')
})

// An overlay copies a file up with its mode, past the filter; by mmap the bit outlives another content (observed as root).
test('no set-user-id program gets into a workspace that others reach by way of an overlay', async (t) => {
  const bench = await openBench(t, temporaryFolder(t), {}, { nesting: true })
  if (bench === undefined) return
  const script =
    'mkdir u w /tmp/m; mount -t overlay o -o lowerdir=/usr/bin,upperdir=$PWD/u,workdir=$PWD/w /tmp/m && echo mounted; cd /tmp/m; (echo >> su; touch -c su; chmod u+w su; ln su linked; mv passwd moved) 2>/dev/null; cd -; umount /tmp/m; chmod -R u+rwX w; true'
  if (process.getuid?.() === 0) {
    assert.throws(
      () => bench.start(['/bin/sh', '-c', script]),
      /other users of this machine reach: close a folder above/,
    )
    return
  }
  const { stdout } = await bench.sh(script)
  const copied = stdout.startsWith('mounted\n') ? readdirSync(join(bench.workspace, 'u')) : []
  for (const name of copied) assert.equal(statSync(join(bench.workspace, 'u', name)).mode & 0o6000, 0, name)
})

test('without that right a step makes no namespace', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { stdout } = await bench.sh('unshare -Ur true && echo nested; ls /etc/containers; true')
  // Which images skopeo takes is no setting of namespaces.
  assert.equal(stdout, 'policy.json\n')
})

async function buildable(t: TestContext): Promise<Bench | undefined> {
  const busybox = '/bin/busybox'
  const missing = ['/usr/bin/buildah', busybox].find((path) => !existsSync(path))
  if (missing !== undefined) {
    t.skip(`${missing} is not installed`)
    return undefined
  }
  const bench = await openNesting(t)
  if (bench !== undefined) copyFileSync(busybox, join(bench.workspace, 'busybox'))
  return bench
}

test('buildah builds an image in it: the run’s CA is where programs look, and no network but the step’s own', async (t) => {
  const bench = await buildable(t)
  if (bench === undefined) return
  const steps = [
    'tail -n 2 /etc/ssl/certs/ca-certificates.crt | grep "run CA"',
    'echo "proxy $http_proxy"',
    'tail -n +3 /proc/net/dev | cut -d: -f1',
    'tail -n +2 /proc/net/route',
    'echo made > /made',
  ]
  writeFileSync(
    join(bench.workspace, 'Dockerfile'),
    `FROM scratch\nCOPY busybox /bin/sh\nRUN ${steps.join('; ')}\n`,
  )
  const { code, stdout, stderr } = await bench.sh(
    'buildah bud -t image . && cd "$(buildah mount "$(buildah from image)")" && cat made && tail -n 1 etc/ssl/certs/ca-certificates.crt',
    { HOME: '/home/step', http_proxy: 'http://127.0.0.1:3128' },
  )
  assert.equal(code, 0, stderr)
  assert.match(stdout, /run CA\nproxy http:\/\/127\.0\.0\.1:3128\n +lo\n/)
  assert.match(stdout, /\nmade\n$/)
})
