import { existsSync, readFileSync } from 'node:fs'
import { MayflyError, sha256Hex, type Secret } from '../lib/index.ts'
import { type Child, startChild } from './child-process.ts'
import { writeWhole } from './data-folder.ts'

interface LogReady {
  /** Where others reach it. */
  url: string
  /** Where the server on this machine does, if that is another. */
  localUrl?: string
  verifierKey: string
  /** Of the attestation log. */
  attestationKey: string
}

/** Runs `mayfly audit-log` as a process of its own, after a restart on the same port. */
export function startAuditProcess(options: {
  /** Program and arguments in front of `audit-log`. */
  command: readonly string[]
  folder: string
  /** Folders of the server, which the log must not share. */
  notInside: readonly string[]
  host: string
  port: number
  /** With it the port speaks HTTPS, and there is another for this machine. */
  tls?: { cert: string; key: string } | undefined
  /** Certificate authorities that the witnesses’ certificates may be by. */
  caFile?: string | undefined
  appendToken: Secret
  witnessPolicy?: string | undefined
  tell: (line: string) => void
}): Promise<Child<LogReady>> {
  const { command, folder, notInside, host, port, tls, caFile, appendToken, witnessPolicy, tell } = options
  return startChild<LogReady>({
    what: 'the audit log',
    whileGone: 'nothing is issued until it is back',
    tell,
    command: (before) => [
      ...command,
      'audit-log',
      ...['--folder', folder, '--not-inside', ...notInside],
      ...['--host', host, '--port', String(before === undefined ? port : new URL(before.url).port)],
      ...(tls === undefined ? [] : ['--tls-cert', tls.cert, '--tls-key', tls.key]),
      ...(tls === undefined
        ? []
        : ['--local-port', before?.localUrl === undefined ? '0' : new URL(before.localUrl).port]),
      ...(caFile === undefined ? [] : ['--ca-file', caFile]),
      ...['--append-token-hash', sha256Hex(appendToken.reveal())],
      ...(witnessPolicy === undefined ? [] : ['--witness-policy', witnessPolicy]),
      ...['--stop-with-stdin', '--json'],
    ],
  })
}

/** Runs `mayfly audit forward`. It reads what the log publishes and holds no token. */
export function startForwardProcess(options: {
  command: readonly string[]
  config: string
  logUrl: string
  logKey: string
  state: string
  tell: (line: string) => void
}): Promise<Child<{ sinks: string[] }>> {
  const { command, config, logUrl, logKey, state, tell } = options
  return startChild<{ sinks: string[] }>({
    what: 'the forwarder of the audit log',
    whileGone: 'sinks get what they miss once it is back',
    tell,
    command: () => [
      ...command,
      ...['audit', 'forward', '--config', config, '--url', logUrl, '--key', logKey],
      ...['--state', state, '--stop-with-stdin', '--json'],
    ],
  })
}

/** The log's key is taken on trust once, at the first start; another key later is another log. */
export function pinAuditKey(file: string, verifierKey: string, log = 'the audit log'): void {
  if (!existsSync(file)) return writeWhole(file, `${verifierKey}\n`)
  if (readFileSync(file, 'utf8').trim() === verifierKey) return
  throw new MayflyError(
    'audit_corrupt',
    `${log} has another key than ${file}: it is not the log that this server wrote to`,
  )
}
