import { build, isBuilt, peers } from './peers.ts'

/** `npm run peers [-- NAME ...]`: builds the clients and servers of `npm run clients` that the system's packages do not have. */
const asked = process.argv.slice(2)
for (const one of peers.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  if (isBuilt(one)) continue
  process.stderr.write(`peers: ${one.name} ${one.version}: ${one.why}\n`)
  try {
    build(one)
  } catch (error) {
    process.stderr.write(
      `peers: ${one.name}: ${error instanceof Error ? error.message.slice(0, 500) : String(error)}\n`,
    )
    process.exitCode = 1
  }
}
