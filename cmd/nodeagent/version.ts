/** The API level this agent stands for, as nodes report it; schedulers and tools compare it with the server's. */
export const agentVersion = "v1.36.0+berth";
