import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuditClient } from '../audit/client/index.ts'
import { print, type RecoverTokenArguments } from '../cli/index.ts'
import { dataFolderOf } from '../config/environment.ts'
import { MayflyError, systemClock } from '../lib/index.ts'
import { createApiTokens, scopes } from '../operators/index.ts'
import { isOutdated, openStore } from '../store/index.ts'
import { startAuditProcess } from './audit-process.ts'
import { openDataFolder, type DataFolder } from './data-folder.ts'
import { selfCommand } from './self.ts'

/**
 * `mayfly token recover`: a new operator token, made by whoever owns the data folder; they could read its keys anyway. The
 * log has the entry before the token exists, so that it cannot be done unseen.
 */
export async function runRecoverToken(options: RecoverTokenArguments, entry: string): Promise<void> {
  const path = dataFolderOf(options.data)
  if (!existsSync(join(path, 'keys', 'vault.key')))
    throw new MayflyError('data_folder', `no server has kept data in ${path}: give --data, or MAYFLY_DATA`)
  const folder = openDataFolder(path)
  await using opened = new AsyncDisposableStack()
  const log = await reachLog(folder, entry)
  opened.defer(() => log.close())
  if (log.isOthers && isOutdated(folder.database))
    throw new MayflyError(
      'data_folder',
      'the server that runs here is of another version of Mayfly: use its mayfly, or stop it first',
    )
  const audit = createAuditClient({
    url: log.url,
    appendToken: folder.appendToken,
    verifierKey: readFileSync(folder.auditKeyFile, 'utf8').trim(),
    source: 'mayfly://server',
    clock: systemClock,
  })
  opened.defer(() => audit.close())
  const store = openStore(folder.database)
  opened.defer(() => store.close())
  const { name } = options
  const by = `the owner of the data folder (uid ${process.getuid?.() ?? 'unknown'})`
  await audit.append({ type: 'token.recovered', data: { by, name, scopes } })
  const made = await createApiTokens({ store, clock: systemClock }).create({ name, scopes, expiresMs: null })
  print(options.json, { id: made.id, name, token: made.token }, [
    made.token,
    `shown this once; ${made.id}, with every scope. Earlier tokens stay in force: mayfly token list, mayfly token revoke`,
  ])
}

interface ReachedLog {
  readonly url: string
  /** It is the one of a server that runs here. */
  readonly isOthers: boolean
  close(): Promise<void>
}

/** The log of the server that runs here; if none does, one that we start, which locks the folder against one that would. */
async function reachLog(folder: DataFolder, entry: string): Promise<ReachedLog> {
  const running = await runningLog(folder.readyFile)
  if (running !== undefined) return { url: running, isOthers: true, close: async () => undefined }
  const own = await startAuditProcess({
    command: selfCommand(entry),
    folder: folder.auditFolder,
    notInside: folder.serverFolders,
    host: '127.0.0.1',
    port: 0,
    appendToken: folder.appendToken,
    tell: (line) => process.stderr.write(`mayfly: ${line}\n`),
  })
  return { url: own.ready.url, isOthers: false, close: () => own.close() }
}

async function runningLog(readyFile: string): Promise<string | undefined> {
  if (!existsSync(readyFile)) return undefined
  const { audit } = JSON.parse(readFileSync(readyFile, 'utf8')) as { audit?: string }
  if (audit === undefined) return undefined
  // Of a server that is gone it is refused; whoever has the port now gives no receipt by the log's key.
  return await fetch(`${audit}/healthz`, { signal: AbortSignal.timeout(2_000) }).then(
    () => audit,
    () => undefined,
  )
}
