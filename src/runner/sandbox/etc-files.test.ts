import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { etcMounts } from './etc-files.ts'
import { openBench, temporaryFolder } from './sandbox.fixture.ts'

test('of /etc is shown what programs start with, and no file of theirs that may hold a password', (t) => {
  const etc = temporaryFolder(t)
  const put = (name: string, mode = 0o644) => {
    mkdirSync(dirname(join(etc, name)), { recursive: true })
    writeFileSync(join(etc, name), 'x')
    chmodSync(join(etc, name), mode)
  }
  put('maven/m2.conf')
  put('maven/settings.xml')
  put('java-25-openjdk/security/java.security')
  put('java-25-openjdk/management/jmxremote.password', 0o600)
  put('java-25-openjdk/closed/key')
  chmodSync(join(etc, 'java-25-openjdk/closed'), 0o700)
  put('php/8.4/cli/php.ini')
  put('php/8.4/fpm/pool.conf')
  put('shadow', 0o640)
  put('ant/ant.conf')
  chmodSync(join(etc, 'ant'), 0o700)
  symlinkSync('/nowhere/at/all', join(etc, 'localtime'))
  const shown = (name: string) => ['--ro-bind', join(etc, name), join(etc, name)]
  assert.deepEqual(etcMounts('/empty', etc), [
    ...shown('java-25-openjdk'),
    ...['--tmpfs', join(etc, 'java-25-openjdk/closed')],
    ...['--ro-bind', '/empty', join(etc, 'java-25-openjdk/management/jmxremote.password')],
    ...shown('maven/m2.conf'),
    ...shown('php/8.4/cli'),
  ])
})

test('mvn of the system starts in a step', async (t) => {
  if (!existsSync('/usr/bin/mvn')) return t.skip('no mvn on this machine')
  const bench = await openBench(t)
  if (bench === undefined) return
  const { stdout, stderr } = await bench.sh('mvn -v; ls /etc/maven', { PATH: '/usr/bin:/bin' })
  assert.match(stdout, /Apache Maven \d/, stderr)
  assert.doesNotMatch(stdout, /settings\.xml/)
})
