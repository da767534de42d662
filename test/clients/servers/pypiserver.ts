import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../suite.ts'
import { freePort, frontWithTls, untilAnswers } from './tls-front.ts'

/** A real index behind TLS, whose files and password the test knows. */
export interface PackageIndex extends AsyncDisposable {
  readonly dial: string
  readonly ca: string
  readonly credential: string
  /** Where its files lie. */
  readonly folder: string
  files(): string[]
}

export async function startPypiserver(host: string): Promise<PackageIndex> {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-pypi-'))
  await using started = new AsyncDisposableStack()
  started.defer(() => rmSync(root, { recursive: true, force: true }))
  const folder = join(root, 'packages')
  mkdirSync(folder)
  const password = createHash('sha256').update(String(Math.random())).digest('hex')
  const sha1 = createHash('sha1').update(password).digest('base64')
  writeFileSync(join(root, 'htpasswd'), `ci-bot:{SHA}${sha1}\n`)
  const port = await freePort()
  const server = spawn(
    findProgram('pypi-server') ?? 'pypi-server',
    [
      ...['run', '-i', '127.0.0.1', '-p', String(port), '-P', join(root, 'htpasswd')],
      ...['-a', 'update,list,download', '--disable-fallback', '--server', 'wsgiref', folder],
    ],
    { stdio: 'ignore' },
  )
  started.defer(() => void server.kill('SIGKILL'))
  await untilAnswers(port, server)
  const { dial, ca, close } = await frontWithTls(host, port)
  started.defer(close)
  const running = started.move()
  return {
    ...{ dial, ca, folder, credential: `ci-bot:${password}` },
    files: () => readdirSync(folder).toSorted(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Puts a wheel of one module into the folder, the same bytes each time; returns its file and SHA-256 in hex. */
export function makeWheel(
  folder: string,
  name: string,
  version: string,
  options: { requires?: string; code?: string } = {},
): { file: string; sha256: string } {
  const module = name.replaceAll('-', '_').toLowerCase()
  const file = `${module}-${version}-py3-none-any.whl`
  const requires = options.requires === undefined ? '' : `Requires-Dist: ${options.requires}\n`
  const info = `${module}-${version}.dist-info`
  const entries = {
    [`${module}/__init__.py`]: options.code ?? `answer = "${name} ${version}"\n`,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${requires}`,
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    [`${info}/RECORD`]: `${module}/__init__.py,,\n${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n`,
  }
  const script =
    'import json, sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], "w") as z:\n  for name, text in json.load(sys.stdin).items(): z.writestr(zipfile.ZipInfo(name), text)'
  execFileSync('python3', ['-c', script, join(folder, file)], { input: JSON.stringify(entries) })
  return {
    file,
    sha256: createHash('sha256')
      .update(readFileSync(join(folder, file)))
      .digest('hex'),
  }
}
