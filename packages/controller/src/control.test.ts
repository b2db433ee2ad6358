import { controlContract } from './testing/control-contract.js'

controlContract('the controller of one command', async ({ world }) => world.control())
