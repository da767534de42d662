import type { Duplex } from 'node:stream'
import { ProtocolFault } from '../read-exactly.ts'
import { ask } from './ask.ts'
import { createDatabases, type Databases } from './sql/databases.ts'
import { arePlain, isUtf8, plainModes } from './sql/settings.ts'

/** What the gateway itself asks the server in a session that it limits: between two commands of the client, and never within one. */
export interface ServerSide {
  /** Read alike here and there from here on, and read-only where the role writes nothing; in `database` unless it is empty. */
  begin(database: string): Promise<void>
  databases(): Databases
  lookAgain(): Promise<void>
  /** Why what the client has set is taken back; undefined where statements are still read as before. */
  settle(): Promise<string | undefined>
}

/** A setting of the client limits what SELECT brings, and another says in which characters: a limit of its own, and digits. */
const listing = `SELECT HEX(SCHEMA_NAME) FROM information_schema.SCHEMATA LIMIT 1000000`
const readingNow = `SELECT HEX(CONCAT_WS('|', @@SESSION.character_set_client, @@SESSION.sql_mode))`

export function createServerSide(
  upstream: Duplex,
  options: {
    readonly deprecateEof: boolean
    readonly readOnly: boolean
    /** Nobody is waited for without end. */
    readonly within: <T>(socket: Duplex, reading: Promise<T>) => Promise<T>
  },
): ServerSide {
  let databases = createDatabases([])
  const asking = (sql: string) => options.within(upstream, ask(upstream, sql, options.deprecateEof))

  const makePlain = (modes: string) => asking(`SET SESSION sql_mode = '${plainModes(modes)}'`)

  return {
    databases: () => databases,
    async lookAgain() {
      databases = createDatabases((await asking(listing)).map(textIn))
    },
    async begin(database) {
      await asking('SET NAMES utf8mb4')
      const [modes = ''] = await asking('SELECT @@SESSION.sql_mode')
      await makePlain(modes)
      if (options.readOnly) await asking('SET SESSION TRANSACTION READ ONLY')
      if (database !== '') await asking(`USE \`${database.replaceAll('`', '``')}\``)
    },
    async settle() {
      const [hex = ''] = await asking(readingNow)
      const [charset = '', modes = ''] = isHex(hex) ? textIn(hex).split('|') : []
      if (isUtf8(charset) && arePlain(modes)) return undefined
      await asking('SET NAMES utf8mb4')
      await makePlain(modes)
      return 'it sets sql_mode or the character set to what changes how statements are read: both are set back'
    },
  }
}

const isHex = (text: string) => /^(?:[0-9A-F]{2})*$/.test(text)

function textIn(hex: string): string {
  if (!isHex(hex)) throw new ProtocolFault('the server names its databases in no characters that are known')
  return Buffer.from(hex, 'hex').toString()
}
