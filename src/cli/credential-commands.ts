import type { Command } from 'commander'
import { act, serverOption } from './command.ts'

/** `mayfly credential ...`: credential helpers, each in its tool's own protocol. */
export function addCredentials(program: Command): void {
  const credential = program
    .command('credential')
    .description('hand a credential that is made for this job to a tool that runs in no sandbox')
  const helper = (name: string, about: string, operations = '') => {
    const command = credential
      .command(name)
      .description(about)
      .option('--role <role>', 'the role that hands it out (MAYFLY_ROLE)')
      .option('--connection <name>', 'of which connection, where the tool does not say the host')
      .addOption(serverOption())
    // Tools learn more words: one that is not known is answered in the tool's own way.
    if (operations !== '') command.argument('<operation>', `what the tool wants: ${operations}`)
    return command
  }
  const load = () => import('./credential/helper.ts')
  helper('git', 'a credential helper of git (gitcredentials(7))', 'get, store, erase').action(
    act(async (operation: string, options) => (await load()).helpGit(operation, options)),
  )
  helper(
    'docker',
    'a credential helper of docker, podman and skopeo (docker-credential-mayfly)',
    'get, list, store, erase, version',
  ).action(act(async (operation: string, options) => (await load()).helpDocker(operation, options)))
  helper('aws', 'a credential_process of the AWS CLI and SDKs').action(
    act(async (options) => (await load()).helpAws(options)),
  )
  helper('kubectl', 'an exec credential plugin of kubectl (client.authentication.k8s.io/v1)').action(
    act(async (options) => (await load()).helpKubectl(options)),
  )
  helper('npm', 'a line for an npmrc, since npm runs no helper').action(
    act(async (options) => (await load()).helpNpm(options)),
  )
  helper('end', 'end the session of this job’s helpers: what they handed out is revoked').action(
    act(async (options) => (await load()).endHelper(options)),
  )
  credential
    .command('agent', { hidden: true })
    .argument('<socket>')
    .option('--role <role>')
    .addOption(serverOption())
    .action(act(async (socket: string, options) => (await load()).serveAgent(socket, options)))
}
