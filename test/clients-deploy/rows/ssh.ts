import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { inStep as runStep, workspaceOf } from '../../clients/servers/python-step.ts'
import { extendPolicy, suite } from '../../clients/suite.ts'
import { startSshd, type Sshd } from '../../e2e/sshd.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly sshd: Sshd
  /** A folder of the host, of the user who logs in. */
  readonly site: string
}

/** A host that takes certificates of Mayfly's authority, at port 22 of a name of its own. */
async function open(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-host-'))
  chmodSync(folder, 0o755)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'ca')])
  const sshd = await startSshd(readFileSync(join(folder, 'ca.pub'), 'utf8'), 'deploy\n')
  if (sshd === undefined) throw new Error('sshd does not start here')
  const site = join(folder, 'site')
  mkdirSync(site)
  if (process.getuid?.() === 0) {
    const [uid, gid] = ['-u', '-g'].map((option) => Number(execFileSync('id', [option, sshd.user])))
    chownSync(site, uid ?? 0, gid ?? 0)
  }
  const { user } = sshd
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: {
          web: {
            ...{ kind: 'ssh', url: 'ssh://web.example.com', dial: `127.0.0.1:${sshd.port}` },
            host_keys: [sshd.hostKey],
            credential: { 'ssh-certificate': { ca: 'secret:ssh-ca', principals: ['deploy'] } },
          },
        },
        grants: {
          release: [
            ...[
              `ssh:exec web/${user}/echo *`,
              `ssh:exec web/${user}/rsync --server *`,
              `ssh:exec web/${user}/sleep 60`,
              `ssh:shell web/${user}`,
              `ssh:forward web/${user}/127.0.0.1:${sshd.port}`,
            ],
            ...[
              `ssh:exec web/${user}/git-* '${site}/app.git'`,
              `ssh:exec web/${user}/git init -q --bare ${site}/app.git`,
            ],
            `ssh:write web/${user}${site}/*`,
            `ssh:script web/${user}//bin/sh -c '*'`,
            `ssh:write web/${user}/home/${user}/.ansible/tmp/*`,
          ],
        },
      }),
  })
  const set = await stage.operate(['secret', 'set', 'ssh-ca'], readFileSync(join(folder, 'ca'), 'utf8'))
  assert.equal(set.exitCode, 0, set.stderr)
  return {
    ...{ stage, sshd, site },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      sshd[Symbol.dispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const paramikoClient = `
import sys, paramiko
user, site = sys.argv[1:]
client = paramiko.SSHClient()
client.load_system_host_keys('/etc/ssh/ssh_known_hosts')
client.connect('web.example.com', username=user, password='none', allow_agent=False, look_for_keys=False)
print(client.exec_command('echo hello from python')[1].read().decode(), end='')
_, out, err = client.exec_command('id')
print(out.channel.recv_exit_status(), err.read().decode()[:15])
files = client.open_sftp()
files.put(sys.argv[0], site + '/client.py')
with files.open(site + '/client.py') as back:
    print(back.read() == open(sys.argv[0], 'rb').read())
try:
    files.open('/etc/passwd')
except IOError as error:
    print(type(error).__name__)
client.close()
`

const playbook = `
- hosts: all
  tasks:
    - file: { path: "{{ site }}", state: directory }
    - copy: { src: index.html, dest: "{{ site }}/index.html" }
    - command: "cat {{ site }}/index.html"
      register: shown
    - assert: { that: shown.stdout == 'deployed by ansible' }
`

function inStep(
  world: World,
  script: string,
  files: Readonly<Record<string, string>> = {},
  tools: readonly string[] = [],
): Promise<Ran> {
  const host = `${world.sshd.user}@web.example.com`
  return runStep(
    world,
    'release',
    ['ssh', ...tools],
    workspaceOf(world, files),
    `set -e\nHOST=${host} SITE=${world.site}\n${script}`,
  )
}

async function works(
  world: World,
  script: string,
  files?: Readonly<Record<string, string>>,
  tools?: readonly string[],
): Promise<Ran> {
  const ran = await inStep(world, script, files, tools)
  assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
  return ran
}

export default suite<World>({
  name: 'ssh',
  needs: ['sshd', 'ssh'],
  open,
  rows: [
    {
      name: 'ssh: a command, with its output and exit',
      needs: [],
      async run(world) {
        const { stdout } = await works(
          world,
          'ssh $HOST echo hello from the host; ls -A ~/.ssh 2>/dev/null || echo no key',
        )
        assert.equal(stdout, 'hello from the host\nno key\n')
      },
    },
    {
      name: 'scp and sftp',
      needs: ['scp', 'sftp'],
      async run(world) {
        await works(
          world,
          `head -c 3000000 /dev/urandom >big; mkdir -p dir/deep; echo one >dir/deep/a; echo two >"dir/b c"
           scp -q big $HOST:$SITE/big; scp -q $HOST:$SITE/big back; cmp big back
           scp -qr dir $HOST:$SITE/; scp -qr $HOST:$SITE/dir down; diff -r dir down
           printf 'cd %s/dir\\nput big\\nls\\nrename big large\\nrm large\\n' $SITE | sftp -q -b - $HOST`,
        )
        assert.ok(existsSync(join(world.site, 'dir/deep/a')) && !existsSync(join(world.site, 'dir/large')))
      },
    },
    {
      name: 'rsync',
      needs: ['rsync'],
      async run(world) {
        await works(
          world,
          `mkdir -p out/x; for i in $(seq 50); do echo $i >out/x/$i; done
           rsync -az --delete out/ $HOST:$SITE/rs/; rm out/x/7; echo new >out/x/8
           rsync -az --delete out/ $HOST:$SITE/rs/; rsync -rz $HOST:$SITE/rs/ back/; diff -r out back`,
        )
        assert.equal(readFileSync(join(world.site, 'rs/x/8'), 'utf8'), 'new\n')
        assert.ok(!existsSync(join(world.site, 'rs/x/7')))
      },
    },
    {
      name: 'git over SSH',
      needs: ['git'],
      async run(world) {
        await works(
          world,
          `ssh $HOST git init -q --bare $SITE/app.git
           git init -q app; cd app; git config user.email a@example.com; git config user.name A
           echo 1 >a; git add a; git commit -qm one; git push -q ssh://$HOST$SITE/app.git HEAD:refs/heads/main
           cd ..; git clone -q -b main ssh://$HOST$SITE/app.git again; cmp app/a again/a`,
        )
      },
    },
    {
      name: 'refused outside of its grants, and the host hears nothing of it',
      needs: ['scp'],
      async run(world) {
        const before = world.sshd.log().split('Starting session').length
        const { stdout, stderr } = await works(
          world,
          `! ssh $HOST id; ! ssh $HOST 'echo hi; id'; ! ssh root@web.example.com; ! ssh root@web.example.com echo hi
           ! ssh -N -L 9999:127.0.0.1:22 -o ExitOnForwardFailure=yes $HOST </dev/null & sleep 1; ! (echo >/dev/tcp/127.0.0.1/9999 && read -t 2 x </dev/tcp/127.0.0.1/9999); kill %1 2>/dev/null || true
           echo x >x; ! scp -q x $HOST:/tmp/mayfly-x; ! ssh -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes $HOST echo hi`,
        )
        assert.equal(stdout, '')
        assert.match(stderr, /mayfly: refused: ssh:exec web\/\S+\/id: /)
        // SFTP itself begins, and is told which file it has not.
        assert.ok(
          !world.sshd
            .log()
            .split('Starting session')
            .slice(before)
            .some((line) => line.includes('command')),
        )
      },
    },
    {
      name: 'ssh: a shell at a terminal, recorded and held against the log',
      needs: [],
      async run(world) {
        const { stdout } = await works(
          world,
          'printf "stty -echo; echo to\\$((2+1)) \\$(tty); exit\\n" | ssh -tt $HOST',
        )
        assert.match(stdout, /to3 \/dev\/pts/)
        const { dataFolder, operate } = world.stage
        const listed = JSON.parse((await operate(['recording', 'list', '--json'])).stdout) as {
          recordings: { id: string; operation: string }[]
        }
        assert.equal(listed.recordings[0]?.operation, `ssh:shell web/${world.sshd.user}`)
        const shown = await operate([
          ...['recording', 'show', listed.recordings[0]?.id ?? '', '--data', dataFolder],
        ])
        assert.equal(shown.exitCode, 0, shown.stderr)
        // What the host said at once may have come in pieces.
        const [, ...events] = shown.stdout.trimEnd().split('\n')
        const said = events.map((line) => (JSON.parse(line) as [number, string, string])[2]).join('')
        assert.match(said, /to3 \/dev\/pts/)
        assert.match(shown.stderr, /verified by entry \d+/)
      },
    },
    {
      name: 'ssh: a port behind the host',
      needs: [],
      async run(world) {
        const { stdout } = await works(
          world,
          `ssh -W 127.0.0.1:${world.sshd.port} $HOST </dev/null | head -1`,
        )
        assert.match(stdout, /^SSH-2\.0-OpenSSH/)
      },
    },
    {
      name: 'ansible: ping, and a playbook that copies and runs',
      needs: ['ansible'],
      async run(world) {
        const { stdout } = await works(
          world,
          `hash -r; ansible all -i hosts.ini -m ping
           ansible-playbook -i hosts.ini -e site=$SITE/ansible-usual site.yml
           export ANSIBLE_PIPELINING=True ANSIBLE_SSH_TRANSFER_METHOD=scp ANSIBLE_SSH_USETTY=False
           ansible-playbook -i hosts.ini -e site=$SITE/ansible-other site.yml`,
          {
            'hosts.ini': `web.example.com ansible_user=${world.sshd.user} ansible_python_interpreter=/usr/bin/python3\n`,
            'site.yml': playbook,
            'index.html': 'deployed by ansible',
          },
          ['ansible'],
        )
        assert.equal(stdout.match(/"ping": "pong"/g)?.length, 1)
        assert.equal(stdout.match(/failed=0/g)?.length, 2, stdout)
        for (const how of ['usual', 'other'])
          assert.equal(
            readFileSync(join(world.site, `ansible-${how}/index.html`), 'utf8'),
            'deployed by ansible',
          )
      },
    },
    {
      name: 'paramiko: commands and files, in Python',
      needs: ['paramiko'],
      async run(world) {
        const { stdout } = await works(
          world,
          'paramiko paramiko-client.py ${HOST%@*} $SITE',
          { 'paramiko-client.py': paramikoClient },
          ['paramiko'],
        )
        assert.equal(stdout, 'hello from python\n126 mayfly: refused\nTrue\nPermissionError\n')
      },
    },
    {
      name: 'a step that is revoked in the middle is cut',
      needs: [],
      async run(world) {
        const workspace = workspaceOf(world)
        const running = runStep(
          world,
          'release',
          ['ssh'],
          workspace,
          `echo $MAYFLY_RUN >run; touch first; ssh ${world.sshd.user}@web.example.com sleep 60`,
        )
        while (!existsSync(join(workspace, 'first'))) await new Promise((next) => setTimeout(next, 20))
        await new Promise((next) => setTimeout(next, 1_000))
        const revoked = await world.stage.operate([
          'revoke',
          '--run',
          readFileSync(join(workspace, 'run'), 'utf8').trim(),
        ])
        assert.equal(revoked.exitCode, 0, revoked.stderr)
        assert.notEqual((await running).exitCode, 0)
      },
    },
  ],
})
