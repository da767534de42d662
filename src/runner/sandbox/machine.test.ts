import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isolationAdvice, lookAtMachine } from './machine.ts'
import { temporaryFolder } from './sandbox.fixture.ts'

function machineOf(t: TestContext, files: Record<string, string>) {
  const root = temporaryFolder(t)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return lookAtMachine(root)
}

const noProc = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"
const noUser = 'bwrap: No permissions to create a new namespace'

const cases: readonly [what: string, why: string, files: Record<string, string>, advice: RegExp][] = [
  [
    'GitHub’s ubuntu-24.04',
    noUser,
    { 'proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n' },
    /userns,/,
  ],
  ['podman, /proc masked', noProc, { 'run/.containerenv': '' }, /unmask=ALL/],
  [
    'podman with a read-only root, whose /run is in memory',
    noProc,
    {
      'proc/self/mountinfo':
        '82 73 254:0 /run/containers/storage/overlay-containers/4d/userdata/hosts /etc/hosts rw - ext4 /dev/vda rw\n',
    },
    /unmask=ALL/,
  ],
  ['docker, /proc masked', noProc, { '.dockerenv': '' }, /with --security-opt systempaths=unconfined$/],
  [
    'docker, its filter',
    noUser,
    { '.dockerenv': '', 'proc/self/status': 'Seccomp:\t2\n' },
    /seccomp=unconfined/,
  ],
  [
    'Kubernetes',
    noUser,
    {
      '.dockerenv': '',
      'proc/self/cgroup': '0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-2.scope\n',
    },
    /hostUsers: false.*procMount: Unmasked.*seccompProfile: \{ type: Unconfined \}/,
  ],
  [
    'Kubernetes, where a namespace of control groups hides the path',
    noProc,
    {
      'proc/self/cgroup': '0::/\n',
      'proc/self/mountinfo': '1 2 8:1 /var/lib/kubelet/pods/5/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n',
    },
    /hostUsers: false/,
  ],
  [
    'gVisor in Kubernetes',
    noUser,
    { 'proc/sentry-meminfo': '', 'var/run/secrets/kubernetes.io/x': '' },
    /gVisor/,
  ],
  ['no user namespaces', noUser, { 'proc/sys/user/max_user_namespaces': '0\n' }, /max_user_namespaces=15000/],
  [
    'Debian’s switch',
    noUser,
    { 'proc/sys/kernel/unprivileged_userns_clone': '0\n' },
    /unprivileged_userns_clone=1/,
  ],
  ['some container', noProc, {}, /unmasked \/proc/],
  ['nothing known', noUser, { 'proc/sys/user/max_user_namespaces': '15000\n' }, /scripts\/setup/],
  [
    'not installed',
    'bubblewrap (bwrap) is not installed',
    { '.dockerenv': '' },
    /apt-get install bubblewrap/,
  ],
]

for (const [what, why, files, advice] of cases)
  test(`what mends it: ${what}`, (t) => assert.match(isolationAdvice(why, machineOf(t, files)), advice))
