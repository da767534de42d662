import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { javaTrustFiles, javaTrustStore } from './java-trust.ts'
import { temporaryFolder } from './sandbox.fixture.ts'

test('keytool reads every certificate of the bundle, and holds the store against its password', (t) => {
  if (!existsSync('/usr/bin/keytool')) return t.skip('no Java on this machine')
  const file = join(temporaryFolder(t), 'cacerts')
  writeFileSync(file, javaTrustStore(`# roots\n${rootCertificates.join('\n')}\n`))
  const listed = execFileSync('/usr/bin/keytool', ['-list', '-keystore', file, '-storepass', 'changeit'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  assert.match(listed, new RegExp(`contains ${rootCertificates.length} entries`))
})

test('the trust stores of the JDKs that the job names, as far as the step sees them', (t) => {
  const folder = temporaryFolder(t)
  const jdk = join(folder, 'tools/jdk')
  for (const name of ['bin', 'lib/security']) mkdirSync(join(jdk, name), { recursive: true })
  const file = join(jdk, 'lib/security/cacerts')
  writeFileSync(file, '')
  writeFileSync(join(jdk, 'bin/java'), '')
  mkdirSync(join(folder, 'bin'))
  symlinkSync(join(jdk, 'bin/java'), join(folder, 'bin/java'))
  const tools = [join(folder, 'tools')]
  const found = (job: Record<string, string>, seen: string[] = tools) =>
    javaTrustFiles(job, seen).filter((one) => one.startsWith(folder))
  assert.deepEqual(found({ JAVA_HOME: jdk, JAVA_HOME_21_X64: jdk }), [file])
  assert.deepEqual(found({ PATH: `/usr/bin:${join(folder, 'bin')}` }), [file])
  assert.deepEqual(found({ JAVA_HOMES: jdk, OTHER: jdk }), [])
  assert.deepEqual(found({ JAVA_HOME: jdk }, []), [])
})
