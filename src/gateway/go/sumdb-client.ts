import { MayflyError, limits } from '../../lib/index.ts'
import { encodeVerifierKey } from '../../audit/verify/index.ts'
import { discard, type Exchange, type Permit } from '../exchange.ts'
import { follow } from '../follow.ts'
import { lookupPath, type LookupRoute, type TreeRoute } from './route.ts'
import type { ModuleSums } from './sumdb-record.ts'
import { createSumdb, type Sumdb, type SumdbHeads, type SumdbReader } from './sumdb.ts'

/** The checksum databases of connections, asked through their own proxies. */
export interface SumdbClient {
  /** What the connection's database has of a version; undefined where the connection is held against none. Throws `denied`. */
  sums(exchange: Exchange, permit: Permit, module: string, version: string): Promise<ModuleSums | undefined>
  /** Holds what the step's own go is answered from the database before it has it. Throws `denied`. */
  hold(exchange: Exchange, permit: Permit, route: TreeRoute | LookupRoute, answer: Buffer): Promise<void>
  /** Why the connection passes nothing of that database on; undefined if it is its own. */
  foreign(exchange: Exchange, route: TreeRoute | LookupRoute): string | undefined
}

/** Versions of modules whose digests are remembered: go asks for each twice, and so does every step. */
const maxRemembered = 10_000

export function createSumdbClient({ heads }: { heads: SumdbHeads }): SumdbClient {
  const databases = new Map<string, { sumdb: Sumdb; sums: Map<string, ModuleSums> }>()

  function databaseOf({ connection }: Exchange) {
    const verifier = connection.sumdb?.verifier
    if (verifier === undefined) return undefined
    const log = encodeVerifierKey(verifier.name, 'note', verifier.publicKey)
    const known = databases.get(log) ?? { sumdb: createSumdb(verifier, log, heads), sums: new Map() }
    databases.set(log, known)
    return { name: verifier.name, ...known }
  }

  function readerOf(exchange: Exchange, permit: Permit, name: string): SumdbReader {
    return {
      async read(path) {
        const upstream = await follow(exchange, permit, `/sumdb/${name}/${path}`)
        const { statusCode } = upstream
        if (statusCode === 200) return exchange.read(upstream, limits.goTextBytes)
        discard(upstream)
        if (statusCode === 404 || statusCode === 410) return undefined
        throw new MayflyError(
          'denied',
          `the proxy answered ${statusCode} when it was asked for ${path.slice(0, 200)} of the checksum database ${name}: nothing is given that is not held against it. Try again`,
        )
      },
      contradicted: ({ database, was, now }) =>
        exchange.found('sumdb.contradicted', `${was.root} ${now.root}`, { database, was, now }),
    }
  }

  return {
    async sums(exchange, permit, module, version) {
      const database = databaseOf(exchange)
      if (database === undefined) return undefined
      const { name, sumdb, sums } = database
      const what = `${module}@${version}`
      const known = sums.get(what)
      if (known !== undefined) return known
      const reader = readerOf(exchange, permit, name)
      const bytes = await reader.read(lookupPath(module, version))
      if (bytes === undefined) {
        const passesOn = (await reader.read('supported')) !== undefined
        throw new MayflyError('denied', unknown(exchange.connection.name, name, what, passesOn))
      }
      const found = await sumdb.checkAnswer(bytes, module, version, reader)
      const [oldest] = sums.keys()
      if (sums.size >= maxRemembered && oldest !== undefined) sums.delete(oldest)
      sums.set(what, found)
      return found
    },
    async hold(exchange, permit, route, answer) {
      const database = databaseOf(exchange)
      if (database === undefined) throw new MayflyError('denied', 'the connection has no checksum database')
      const { name, sumdb } = database
      const reader = readerOf(exchange, permit, name)
      if (route.kind === 'lookup') await sumdb.checkAnswer(answer, route.module, route.version, reader)
      if (route.kind === 'signed') await sumdb.checkHead(answer.toString('utf8'), reader)
      // go itself holds a tile against the head that it was given, which was held here.
      if (route.kind === 'tile' && (answer.length === 0 || answer.length > 8_192 || answer.length % 32 !== 0))
        throw new MayflyError('denied', `the proxy sends what is no tile of the checksum database ${name}`)
    },
    foreign({ connection }, { database }) {
      const verifier = connection.sumdb?.verifier
      if (verifier?.name === database) return undefined
      return verifier === undefined
        ? `connection "${connection.name}" has "sumdb: off": go is told by GOSUMDB=off, which something in the step has changed`
        : `connection "${connection.name}" is held against the checksum database ${verifier.name}, not ${database}: name the key of that one under its sumdb`
    },
  }
}

function unknown(connection: string, database: string, what: string, passesOn: boolean): string {
  return passesOn
    ? `the checksum database ${database} does not know ${what}. If it is a private module: give it a connection of its own, with "sumdb: off" (and only, so that it alone serves it)`
    : `${what} is in no go.sum, and the proxy does not pass on the checksum database ${database}: use one that does, or write "sumdb: off" for connection "${connection}"`
}
