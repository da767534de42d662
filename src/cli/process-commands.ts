import type { Command } from 'commander'
import {
  collect,
  act,
  jsonOption,
  portNumber,
  positive,
  stopWithStdinOption,
  wholeNumber,
} from './command.ts'

/** What only the composition roots can start; handed in, so that commands know no wiring. */
export interface Starters {
  up(options: UpArguments): Promise<void>
  auditLog(options: AuditLogArguments): Promise<void>
  witness(options: WitnessArguments): Promise<void>
  auditForward(options: AuditForwardArguments): Promise<void>
  recoverToken(options: RecoverTokenArguments): Promise<void>
}

export interface RecoverTokenArguments {
  data?: string
  name: string
  json: boolean
}

export interface UpArguments {
  data?: string
  config?: string
  host: string
  port: number
  gatewayPort: number
  auditPort: number
  witnessPolicy?: string
  forward?: string
  vault?: string
  attest?: string
  secretFiles?: string[]
  secretCommand?: string[]
  rotator?: string[]
  url?: string
  gatewayUrl?: string
  tlsCert?: string
  tlsKey?: string
  auditHost: string
  auditTlsCert?: string
  auditTlsKey?: string
  caFile?: string
  acceptLogRollback: boolean
  heartbeatSeconds: number
  drainSeconds: number
  json: boolean
}

export interface WitnessArguments {
  folder: string
  host: string
  port: number
  name: string
  log: string[]
  tlsCert?: string
  tlsKey?: string
  json: boolean
}

export interface AuditForwardArguments {
  config: string
  url: string
  key: string
  state: string
  stopWithStdin: boolean
  json: boolean
}

export interface AuditLogArguments {
  folder: string
  witnessPolicy?: string
  notInside?: string[]
  host: string
  port: number
  appendTokenHash: string
  origin: string
  attestationOrigin?: string
  tlsCert?: string
  tlsKey?: string
  localPort?: number
  /** `mayfly up` started it and holds the other end of its standard input: it ends when that does. */
  stopWithStdin: boolean
  json: boolean
}

/** The long-lived processes. */
export function addProcesses(program: Command, starters: Starters): void {
  program
    .command('up')
    .description('start server, gateway and audit log on embedded defaults')
    .option(
      '--data <dir>',
      'data folder (MAYFLY_DATA; default ~/.local/state/mayfly, as root /var/lib/mayfly)',
    )
    .option('--config <file>', 'a mayfly.yaml to apply before it is ready')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port of the API', portNumber, 7700)
    .option('--gateway-port <n>', 'port of the gateway', portNumber, 7701)
    .option('--audit-port <n>', 'port of the audit log', portNumber, 7702)
    .option('--tls-cert <file>', 'certificate chain (PEM) of API and gateway, read again when it changes')
    .option('--tls-key <file>', 'its private key (PEM), for its owner only')
    .option('--audit-host <address>', 'address that the audit log listens on', '127.0.0.1')
    .option('--audit-tls-cert <file>', 'certificate chain of the audit log, where others read it')
    .option('--audit-tls-key <file>', 'its private key')
    .option('--witness-policy <file>', 'witnesses of the audit log, and their quorum (c2sp.org/tlog-policy)')
    .option('--forward <file>', 'where every entry is pushed to: syslog, webhooks, files')
    .option('--vault <file>', 'what wraps the vault’s keys: a passphrase, a key service, a hardware module')
    .option('--attest <file>', 'what signs attestations: own certificates, a key kept elsewhere, Sigstore')
    .option('--secret-files <name=folder>', 'a folder that secret stores of kind file may read', collect)
    .option('--secret-command <name=program>', 'a program that stores of kind command may run', collect)
    .option('--rotator <name=path>', 'a program that rotates secrets; may be given again', collect)
    .option('--url <url>', 'the API’s URL as runners reach it')
    .option('--gateway-url <url>', 'the gateway’s URL as runners reach it')
    .option('--accept-log-rollback', 'start although the audit log lacks entries; recorded there', false)
    .option('--heartbeat-seconds <n>', 'a step that misses three is ended', positive, 10)
    .option('--drain-seconds <n>', 'how long SIGTERM waits for open steps', wholeNumber, 10)
    .addOption(jsonOption())
    .action(act((options: UpArguments) => starters.up(options)))
  program
    .command('audit-log')
    .description('the audit log alone: its own process, folder, key and port (mayfly up starts it)')
    .requiredOption('--folder <dir>', 'the log’s folder')
    .requiredOption('--append-token-hash <hex>', 'SHA-256 of the token that may append')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port', portNumber, 7702)
    .option('--tls-cert <file>', 'certificate chain (PEM): speak HTTPS; read again when it changes')
    .option('--tls-key <file>', 'its private key (PEM), for its owner only')
    .option('--local-port <n>', 'one more port, on 127.0.0.1 in plain HTTP', portNumber)
    .option('--origin <name>', 'name of a new log', 'mayfly.local/audit')
    .option('--attestation-origin <hostname>', 'name of a new attestation log; without it one of its own')
    .option('--witness-policy <file>', 'witnesses, and their quorum (c2sp.org/tlog-policy)')
    .option('--not-inside <dir...>', 'folders of the server that the log must not share')
    .addOption(stopWithStdinOption())
    .addOption(jsonOption())
    .action(act((options: AuditLogArguments) => starters.auditLog(options)))
  program
    .command('witness')
    .description(
      'cosign the checkpoints of audit logs (c2sp.org/tlog-witness); run it elsewhere than the log',
    )
    .requiredOption('--folder <dir>', 'the witness’s folder')
    .requiredOption('--name <name>', 'its name, for good: witness.example/1')
    .requiredOption('--log <vkey...>', 'the public keys of the logs, or files that hold them')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port', portNumber, 7703)
    .option('--tls-cert <file>', 'certificate chain (PEM): speak HTTPS; read again when it changes')
    .option('--tls-key <file>', 'its private key (PEM), for its owner only')
    .addOption(jsonOption())
    .action(act((options: WitnessArguments) => starters.witness(options)))
}
