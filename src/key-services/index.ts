/**
 * How the services are reached that keep keys elsewhere: AWS, Google Cloud, Azure, OpenBao, a hardware module. The vault wraps by them,
 * attestations are signed by them; what is asked of a service, each of the two knows itself.
 * Invariant: no error repeats what was sent, and the PIN of a module is in no argument.
 */
export { secretIn } from './files.ts'
export { keyServiceClients, type KeyServiceClients } from './clients.ts'
export { azureKey, type AzureKey } from './azure-key.ts'
export {
  createTransitClient,
  type TransitAdvice,
  type TransitClient,
  type TransitOptions,
} from './transit.ts'
export { moduleVariables, pkcs11Tool, type Pkcs11Token } from './pkcs11-tool.ts'
